"""What a graph takes: one tensor a column, and how plain values become it. Needs numpy alone.

A number that is missing is NaN. A category that is missing is a word that no text may hold (`MISSING`), because a
tensor of strings has no place for nothing. A text is the UTF-8 bytes of its NFC form, a series its steps, each padded
behind its end, with a second tensor that says how many there are: -1 where the row has none.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lepton.core.errors import LeptonError

Holds = Literal["number", "category", "text", "series", "image"]
Arrays: TypeAlias = dict[str, NDArray[Any]]
"""Tensors by the names of the graph's inputs."""
IMAGE = "image"
"""The column in which rows of several inputs have their image."""
MISSING = "\ufdd0"
"""A missing category. Unicode keeps this character for a program's own use: it is in no text that is interchanged."""
ABSENT = -1
"""The count of a text, a series or an image that a row does not have."""


@dataclass(frozen=True)
class Field:
    """One column that a graph takes."""

    column: str
    """Its name in a delivery."""
    holds: Holds
    tensor: str
    """The graph's input: (n,) float64 or string, (n, longest) uint8 or float32, (n, C, H, W)."""
    count: str | None = None
    """The input (n,) int64 beside it: bytes of a text, steps of a series, 1 for an image; -1 where it is missing."""
    most: int = 0
    """Bytes or steps that are read; what is behind them changes nothing, but the byte that follows."""
    shape: tuple[int, ...] = ()
    """(C, H, W) of an image."""
    pixels: Literal["uint8", "float32"] = "uint8"

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Field:
        """Read what `to_json` wrote.

        Raises:
            KeyError, TypeError, ValueError: If a field is missing or of another type.
        """
        if value["holds"] not in ("number", "category", "text", "series", "image"):
            raise ValueError(f"a column of {value['holds']!r}")
        return cls(**{**value, "shape": tuple(int(side) for side in value["shape"])})

    def arrays(self, values: Sequence[Any] | NDArray[Any]) -> Arrays:
        """Return the tensors of a column's values (n), None where a row has none.

        Raises:
            LeptonError: If a value is not what the column holds; names its row.
        """
        found = _READERS[self.holds](self, values)
        return {self.tensor: found[0]} | ({self.count: found[1]} if self.count else {})


def named(columns: Iterable[str]) -> list[str]:
    """Return a name a column for the graph's inputs, no two alike; ASCII letters, digits and `_` only."""
    found: list[str] = []
    taken = {"label", "probabilities"}  # the outputs
    for column in columns:
        plain = re.sub(r"[^A-Za-z0-9_]+", "_", column).strip("_")[:60] or "column"
        name, number = plain, 1
        while name.lower() in taken:
            number += 1
            name = f"{plain}_{number}"
        taken.add(name.lower())
        found.append(name)
    return found


def feed(fields: Sequence[Field], columns: Mapping[str, Sequence[Any] | NDArray[Any]]) -> Arrays:
    """Return the tensors of rows.

    Args:
        fields: What the graph takes.
        columns: Values (n) by the name of the column; others are ignored.

    Raises:
        LeptonError: If a column is missing, or holds what it must not.
    """
    if lacking := [one.column for one in fields if one.column not in columns]:
        raise LeptonError(
            f"The rows lack {len(lacking)} column(s) that the model reads: {', '.join(lacking)}.",
            why=f"Found: {', '.join(map(str, columns)) or 'none'}.",
            fix=["give the columns of the source"],
        )
    found: Arrays = {}
    for one in fields:
        found |= one.arrays(columns[one.column])
    return found


def word(value: Any) -> str:
    """Return a category as a graph takes it: half a character has no bytes; spelt out, nobody knows the category."""
    return str(value).encode("utf-8", "backslashreplace").decode()


def is_missing(value: Any) -> bool:
    """Return whether a value stands for none: None, or a number that is not itself."""
    return value is None or (isinstance(value, float | np.floating) and bool(np.isnan(value)))


def _numbers(field: Field, values: Sequence[Any] | NDArray[Any]) -> tuple[NDArray[Any]]:
    if isinstance(values, np.ndarray) and values.dtype.kind in "fiub":
        return (np.ascontiguousarray(values, dtype=np.float64),)
    found = np.empty(len(values))
    for row, value in enumerate(values):
        try:
            found[row] = np.nan if is_missing(value) else float(value)
        except (TypeError, ValueError):
            raise _strange(field, row, value, "a number") from None
    return (found,)


def _categories(field: Field, values: Sequence[Any] | NDArray[Any]) -> tuple[NDArray[Any]]:
    found = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):
        found[row] = MISSING if is_missing(value) else word(value)
    return (found,)


def _texts(field: Field, values: Sequence[Any] | NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    rows: list[NDArray[np.uint8] | None] = []
    for row, value in enumerate(values):
        if is_missing(value):
            rows.append(None)
            continue
        if not isinstance(value, str):
            raise _strange(field, row, value, "a text")
        # One byte more than is read: it says whether the last character is whole.
        raw = unicodedata.normalize("NFC", value).encode("utf-8", "replace")[: field.most + 1]
        rows.append(np.frombuffer(raw, dtype=np.uint8))
    return _padded(rows, np.uint8)


def _series(field: Field, values: Sequence[Any] | NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    rows: list[NDArray[np.float32] | None] = []
    for row, value in enumerate(values):
        if is_missing(value):
            rows.append(None)
            continue
        try:
            # numpy makes NaN of None, as a gap in a list is written in JSON
            steps = np.asarray(value, dtype=np.float32)
        except (TypeError, ValueError):
            raise _strange(field, row, value, "a list of numbers") from None
        if steps.ndim != 1:
            raise _strange(field, row, value, "a list of numbers")
        rows.append(steps[: field.most])
    return _padded(rows, np.float32)


def _images(field: Field, values: Sequence[Any] | NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    found = np.zeros((len(values), *field.shape), dtype=field.pixels)
    count = np.full(len(values), ABSENT, dtype=np.int64)
    for row, value in enumerate(values):
        if value is None:
            if field.count is None:
                raise _strange(field, row, value, "an image")
            continue
        image = np.asarray(value)
        if image.shape != field.shape or image.dtype != field.pixels:
            raise LeptonError(
                f"Row {row + 1}: the image is {image.dtype} of shape {image.shape}.",
                why=f"The model reads {field.pixels} of shape {field.shape}: channels, height, width.",
                fix=["give images as the domain's contract has them"],
            )
        if not np.isfinite(image).all():
            raise LeptonError(f"Row {row + 1}: the image holds pixels that are NaN or infinite.")
        found[row], count[row] = image, 1
    return found, count


def _padded(rows: Sequence[NDArray[Any] | None], dtype: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    longest = max((len(one) for one in rows if one is not None), default=0)
    found = np.zeros((len(rows), max(1, longest)), dtype=dtype)
    count = np.full(len(rows), ABSENT, dtype=np.int64)
    for row, one in enumerate(rows):
        if one is not None:
            found[row, : len(one)], count[row] = one, len(one)
    return found, count


def _strange(field: Field, row: int, value: Any, wanted: str) -> LeptonError:
    return LeptonError(
        f"Row {row + 1}, column {field.column!r}: {str(value)[:60]!r} is not {wanted}.",
        fix=["correct the value, or leave it out if there is none"],
    )


_READERS: dict[str, Any] = {
    "number": _numbers,
    "category": _categories,
    "text": _texts,
    "series": _series,
    "image": _images,
}
