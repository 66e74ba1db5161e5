"""Rows of a table as a graph takes them, and the example rows that it carries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import infer_dtype

from lepton.core.errors import LeptonError
from lepton.core.table import Table
from lepton.graph.about import Examples
from lepton.graph.fields import ABSENT, MISSING, Arrays, Field, feed, word
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
    found: Arrays = {}
    left: list[Field] = []
    columns: dict[str, Sequence[Any] | NDArray[Any]] = {}
    for field in fields:
        if field.holds == "image" and table.images is not None:
            found |= _images(field, table)
            continue
        left.append(field)
        if table.frame is not None and field.column in table.frame.columns:
            column = table.frame[field.column]
            if field.holds == "category" and _is_words(column):
                found[field.tensor] = _words(column)
                left.pop()
            else:
                columns[field.column] = _values(field, column)
    return found | feed(left, columns)


def takes(table: Table, fields: Sequence[Field]) -> bool:
    """Return whether a graph takes the rows' images: it is made for one shape and type."""
    wanted = next((one for one in fields if one.holds == "image"), None)
    if wanted is None or table.images is None:
        return True
    return table.images.shape[1:] == wanted.shape and table.images.dtype == wanted.pixels


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


def _images(field: Field, table: Table) -> Arrays:
    """Return the images of a table at once; see `lepton.graph.fields`.

    Raises:
        LeptonError: If they are of another shape or type.
    """
    assert table.images is not None
    if not takes(table, [field]):
        raise LeptonError(
            f"The images are {table.images.dtype} of shape {table.images.shape[1:]}.",
            why=f"The model reads {field.pixels} of shape {field.shape}: channels, height, width.",
            fix=["give images as the domain's contract has them"],
        )
    if field.count is None:
        return {field.tensor: table.images}
    there = table.has_image()
    pixels = np.where(there[:, None, None, None], table.images, table.images.dtype.type(0))
    return {field.tensor: pixels, field.count: np.where(there, 1, ABSENT).astype(np.int64)}


def _is_words(column: pd.Series[Any]) -> bool:
    """Return whether all values are texts; a batch that is read from its file has codes of them."""
    values = column.cat.categories if isinstance(column.dtype, pd.CategoricalDtype) else column
    return str(infer_dtype(values, skipna=True)) == "string"


def _words(column: pd.Series[Any]) -> NDArray[Any]:
    """Return a column of words (n,): each different one is looked at once."""
    codes, known = pd.factorize(column)
    words = np.array([*map(word, known), MISSING], dtype=object)
    found: NDArray[Any] = words[codes]  # -1, none, is the last one
    return found


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
