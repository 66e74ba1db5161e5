"""The rows that pass between the rooms: ids, labels, and images, columns or both.

A column holds numbers, categories, texts (sentences to read, not names to tell apart) or series (one float32 array a
row, of any length: one measured quantity over time).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from lepton.core.errors import LeptonError
from lepton.core.kinds import ColumnType, kind_of
from lepton.core.kinds import Kind as Kind


@dataclass(frozen=True)
class Table:
    """Rows of one kind, in memory.

    image: `images` only; tabular: a `frame` of numbers and categories; sequence: a frame of series; text: a frame with
    one column of texts; mixed: any two of these together, each of which a row may lack.
    """

    kind: Kind
    ids: NDArray[np.object_]
    """(n,) strings, unique within a domain."""
    labels: NDArray[np.object_]
    """(n,) strings; None where the label is unknown."""
    images: NDArray[np.generic] | None = None
    """(n, C, H, W), uint8 or float32."""
    frame: pd.DataFrame | None = None
    """(n, columns): the features only, with a RangeIndex."""
    texts: tuple[str, ...] = ()
    """The frame's columns that hold texts."""
    series: tuple[str, ...] = ()
    """The frame's columns that hold series: (T,) float32 arrays, None where a row has none."""
    pictured: NDArray[np.bool_] | None = None
    """(n,) false where a row of several inputs has no image (what `images` holds there does not count); None: all."""

    def __post_init__(self) -> None:
        images = self.images is not None
        rows = self.images if images else self.frame
        if rows is None or len(rows) != len(self.ids) or len(self.labels) != len(self.ids):
            raise ValueError(f"ids, labels and rows of a {self.kind} table differ in length")

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: Sequence[int] | NDArray[np.integer] | NDArray[np.bool_]) -> Table:
        """Return the rows at these positions, or where this mask is true, in that order."""
        at = np.asarray(rows)
        at = np.flatnonzero(at) if at.dtype == bool else at.astype(np.int64)
        return replace(
            self,
            ids=self.ids[at],
            labels=self.labels[at],
            images=None if self.images is None else self.images[at],
            frame=None if self.frame is None else self.frame.iloc[at].reset_index(drop=True),
            pictured=None if self.pictured is None else self.pictured[at],
        )

    def column_type(self, name: str) -> ColumnType:
        """Return what a column of the frame holds."""
        if name in self.texts:
            return "text"
        if name in self.series:
            return "series"
        assert self.frame is not None
        return "number" if pd.api.types.is_numeric_dtype(self.frame[name].dtype) else "category"

    def plain_columns(self) -> list[str]:
        """Return the frame's columns of numbers and categories."""
        if self.frame is None:
            return []
        return [str(name) for name in self.frame.columns if name not in self.texts and name not in self.series]

    def has_image(self) -> NDArray[np.bool_]:
        """Return (n,) true where a row has an image."""
        if self.images is None:
            return np.zeros(len(self), dtype=bool)
        return np.ones(len(self), dtype=bool) if self.pictured is None else self.pictured

    def known(self) -> NDArray[np.bool_]:
        """Return (n,) true where the label is known."""
        return np.array([label is not None for label in self.labels], dtype=bool)

    def labelled(self) -> Table:
        """Return the rows whose label is known."""
        return self.take(self.known())

    def with_labels(self, labels: NDArray[np.object_]) -> Table:
        """Return the same rows with other labels."""
        return replace(self, labels=labels)

    def without_labels(self) -> Table:
        """Return the same rows with every label unknown."""
        return self.with_labels(np.full(len(self), None, dtype=object))

    def content_digest(self) -> str:
        """Return 32 hex digits over ids, labels and rows; equal content gives an equal digest."""
        h = hashlib.blake2b(digest_size=16)
        h.update("\x1f".join(self.ids).encode())
        h.update("\x1f".join("\x00" if label is None else label for label in self.labels).encode())
        if self.images is not None:
            h.update(f"{self.images.shape}{self.images.dtype}".encode())
            h.update(np.ascontiguousarray(self.images[self.has_image()]).data)
        if self.pictured is not None:
            h.update(np.packbits(self.pictured).tobytes())
        if self.frame is not None:
            h.update("\x1f".join(self.frame.columns).encode())
            scalar = self.frame.drop(columns=list(self.series))
            if len(scalar.columns):
                h.update(pd.util.hash_pandas_object(scalar, index=False).to_numpy().tobytes())
            for name in self.series:
                for one in self.frame[name]:
                    h.update(series_bytes(one))
        return h.hexdigest()


def series_bytes(one: NDArray[np.float32] | None) -> bytes:
    """Return the length and the values of a series, and something else for none; NaN and zero have one form."""
    if one is None:
        return b"\xff"
    values = one + np.float32(0)  # -0.0 becomes 0.0
    values[np.isnan(values)] = np.nan
    return len(values).to_bytes(8, "little") + values.tobytes()


def series_column(values: Iterable[ArrayLike | None]) -> pd.Series:
    """Return a column of series from anything array-like, None where there is none."""
    found = [None if one is None else np.asarray(one, dtype=np.float32) for one in values]
    column = np.empty(len(found), dtype=object)
    for place, one in enumerate(found):  # numpy would stack arrays of equal length
        column[place] = one
    return pd.Series(column, dtype="object")


def concat(tables: Sequence[Table]) -> Table:
    """Join tables of one kind, in order.

    Raises:
        LeptonError: If there is none, or the kinds, image shapes or columns differ.
    """
    if not tables:
        raise LeptonError("There are no rows to join.")
    first = tables[0]
    if len({t.kind for t in tables}) != 1:
        found = sorted({kind_of(t.kind).words for t in tables})
        raise LeptonError(f"{found[0].capitalize()} and {found[1]} cannot be joined.")
    if first.images is not None:
        shapes = {t.images.shape[1:] for t in tables if t.images is not None}
        if len(shapes) != 1:
            raise LeptonError(f"Images of different shapes cannot be joined: {sorted(shapes)}.")
    # pandas would take the union and fill the gaps with NaN.
    columns = [set(map(str, t.frame.columns)) for t in tables if t.frame is not None]
    if odd := {name for names in columns for name in names if not all(name in others for others in columns)}:
        raise LeptonError(
            "Batches with different columns cannot be joined.",
            why=f"Not in all of them: {', '.join(map(repr, sorted(odd)))}.",
            fix=["name batches that have the same columns"],
        )
    return replace(
        first,
        ids=np.concatenate([t.ids for t in tables]),
        labels=np.concatenate([t.labels for t in tables]),
        images=np.concatenate([t.images for t in tables if t.images is not None]) if first.images is not None else None,
        frame=pd.concat([t.frame for t in tables], ignore_index=True) if first.frame is not None else None,
        pictured=np.concatenate([t.has_image() for t in tables])
        if any(t.pictured is not None for t in tables)
        else None,
    )
