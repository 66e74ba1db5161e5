"""How MLflow loads a registered model for inference: `mlflow.pyfunc.load_model("models:/NAME@champion")`.

Loading reads JSON and safetensors; nothing is unpickled and no code comes with the model.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lepton.core.table import Table, series_column

if TYPE_CHECKING:
    from lepton.models.inputs import InputSpec
    from lepton.models.model import Model

IMAGE = "image"


class Served:
    """A model behind MLflow's `predict`."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Return a row a row: column `label`, then the probability of each class in a column `p(<class>)`.

        Args:
            model_input: A DataFrame of the feature columns, a list of numbers in each cell of a series; or images
                (n, C, H, W). Rows of several inputs with an image have it in a column `image`, (C, H, W) or None.
            params: None are known.
        """
        probabilities = self.model.predict_proba(_table(model_input, self.model.inputs))
        classes = np.array(self.model.classes, dtype=object)
        columns = {f"p({name})": probabilities[:, at] for at, name in enumerate(classes)}
        return pd.DataFrame({"label": classes[probabilities.argmax(axis=1)], **columns})


def _load_pyfunc(path: str) -> Served:
    """MLflow's entry point: `path` is the folder that was registered."""
    from lepton.models.format import load

    return Served(load(Path(path)))


def _table(rows: Any, inputs: InputSpec) -> Table:
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
