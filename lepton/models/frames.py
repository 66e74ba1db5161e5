"""A DataFrame in, a DataFrame out: what a model answers to rows that are in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lepton.core.table import Table, series_column
from lepton.graph.fields import IMAGE

if TYPE_CHECKING:
    from lepton.models.inputs import InputSpec
    from lepton.models.model import Model


Chances: TypeAlias = Callable[[Table], NDArray[np.float64]]
"""From rows to the probabilities (n, k) of the classes."""


def answer(model: Model, rows: Any, chances: Chances | None = None) -> pd.DataFrame:
    """Return a row a row: column `label`, then the probability of each class in a column `p(<class>)`.

    Args:
        model: The model.
        rows: A DataFrame of the feature columns, a list of numbers in each cell of a series; or images (n, C, H, W).
            Rows of several inputs with an image have it in a column `image`, (C, H, W) or None. The answer has the
            frame's index.
        chances: What computes the model's probabilities, if it is not the model itself.

    Raises:
        LeptonError: If a column that the model reads is missing, or holds something else than in the source.
    """
    classes = np.array(model.classes, dtype=object)
    by = chances or model.predict_proba
    found = by(as_table(rows, model.inputs)) if len(rows) else np.zeros((0, len(classes)))
    columns = {f"p({name})": found[:, at] for at, name in enumerate(classes)}
    index = rows.index if isinstance(rows, pd.DataFrame) else None
    return pd.DataFrame({"label": classes[found.argmax(axis=1)], **columns}, index=index)


def as_table(rows: Any, inputs: InputSpec) -> Table:
    """Return rows in memory as a table without labels; see `answer` for what they are."""
    count = len(rows)
    ids = np.array([str(number) for number in range(count)], dtype=object)
    unknown = np.full(count, None, dtype=object)
    if not isinstance(rows, pd.DataFrame):
        return Table("image", ids, unknown, images=np.asarray(rows))
    frame, images, pictured = rows.reset_index(drop=True), None, None
    texts, series, has_image = inputs.texts, inputs.series, inputs.kind == "mixed" and IMAGE in frame
    if has_image:
        pictured = np.array([one is not None for one in frame[IMAGE]], dtype=bool)
        known = [np.asarray(one) for one in frame[IMAGE] if one is not None]
        images = np.zeros(
            (count, *(known[0].shape if known else (1, 1, 1))), dtype=known[0].dtype if known else np.uint8
        )
        images[pictured] = np.stack(known) if known else 0
        frame = frame.drop(columns=[IMAGE])
    for name in series:
        if name in frame:
            frame[name] = series_column(frame[name])
    return Table(inputs.kind, ids, unknown, images=images, frame=frame, texts=texts, series=series, pictured=pictured)
