"""Rows of a table as a graph takes them, and the example rows that it carries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lepton.core.table import Table
from lepton.graph.about import Examples
from lepton.graph.fields import IMAGE, Arrays, Field, feed
from lepton.models.examples import EXAMPLES, made_up_rows, read_examples
from lepton.models.graph.front import Pixels
from lepton.models.model import Model
from lepton.models.table_inputs import numbers

EXAMPLE_BYTES = 256 * 1024
"""What the example rows may take: large images leave few of them."""


def tensors_of(table: Table, fields: Sequence[Field]) -> Arrays:
    """Return a table's rows as the tensors of a graph's inputs.

    Raises:
        LeptonError: If a column is missing, or holds something else than in the source.
    """
    columns: dict[str, Sequence[Any] | NDArray[Any]] = {}
    for field in fields:
        if field.holds == "image":
            if table.images is not None:
                there = table.has_image()
                columns[IMAGE] = [image if known else None for image, known in zip(table.images, there, strict=True)]
        elif table.frame is not None and field.column in table.frame.columns:
            columns[field.column] = _values(field, table.frame[field.column])
    return feed(fields, columns)


def examples_of(model: Model, folder: Path | None, fields: Sequence[Field], pixels: Pixels | None) -> Examples:
    """Return rows that nobody delivered, with the model's answers; those of its registration, if the graph takes them.

    Args:
        model: As it was read from `folder`.
        folder: Of the registered version, if it is one.
        fields: What the graph takes.
        pixels: What the domain's images are like; the registered rows have images of the source.
    """
    if folder is not None and (folder / EXAMPLES).exists():
        rows, expected = read_examples(folder)
        answers: NDArray[np.float64] = expected.numpy()
    else:
        rows = made_up_rows(model.inputs)
        answers = model.predict_proba(rows)
    if rows.images is not None and pixels is not None:
        images = _as(rows.images, pixels)
        if images.shape != rows.images.shape or images.dtype != rows.images.dtype:
            rows = replace(rows, images=images)
            answers = model.predict_proba(rows)
        kept = max(2, EXAMPLE_BYTES // max(1, images[0].nbytes))
        rows, answers = rows.take(np.arange(min(kept, len(rows)))), answers[:kept]
    return Examples(tensors_of(rows, fields), answers)


def _values(field: Field, column: pd.Series[Any]) -> Sequence[Any] | NDArray[Any]:
    if field.holds == "number":
        return numbers(field.column, column)
    if field.holds == "series":
        return column.tolist()
    values: list[Any] = column.astype(object).where(column.notna(), None).tolist()
    return values


def _as(images: NDArray[np.generic], pixels: Pixels) -> NDArray[np.generic]:
    """Return images of another shape and type, by leaving pixels out or repeating them."""
    channels, height, width = pixels.shape
    found = images[:, np.arange(channels) % images.shape[1]]
    found = found[:, :, np.arange(height) * images.shape[2] // height][..., np.arange(width) * images.shape[3] // width]
    if found.dtype == pixels.dtype:
        return found
    low, high = float(found.min()), float(found.max())
    share = (found.astype(np.float32) - low) / max(high - low, 1e-6)
    return np.rint(255 * share).astype(np.uint8) if pixels.dtype == "uint8" else share.astype(np.float32)
