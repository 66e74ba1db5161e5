"""The rows that pass between the rooms: ids, labels, and either images or columns."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lepton.core.errors import LeptonError

Kind = Literal["image", "tabular"]


@dataclass(frozen=True)
class Table:
    """Rows of one kind, in memory.

    Exactly one of `images` and `frame` is set, according to `kind`.
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

    def __post_init__(self) -> None:
        rows = self.images if self.kind == "image" else self.frame
        if rows is None or len(rows) != len(self.ids) or len(self.labels) != len(self.ids):
            raise ValueError(f"ids, labels and rows of a {self.kind} table differ in length")

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: Sequence[int] | NDArray[np.integer] | NDArray[np.bool_]) -> Table:
        """Return the rows at these positions, or where this mask is true, in that order."""
        at = np.asarray(rows)
        at = np.flatnonzero(at) if at.dtype == bool else at.astype(np.int64)
        return Table(
            kind=self.kind,
            ids=self.ids[at],
            labels=self.labels[at],
            images=None if self.images is None else self.images[at],
            frame=None if self.frame is None else self.frame.iloc[at].reset_index(drop=True),
        )

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
            h.update(np.ascontiguousarray(self.images).data)
        if self.frame is not None:
            h.update("\x1f".join(self.frame.columns).encode())
            h.update(pd.util.hash_pandas_object(self.frame, index=False).to_numpy().tobytes())
        return h.hexdigest()


def concat(tables: Sequence[Table]) -> Table:
    """Join tables of one kind, in order.

    Raises:
        LeptonError: If there is none, or the kinds, image shapes or columns differ.
    """
    if not tables:
        raise LeptonError("There are no rows to join.")
    first = tables[0]
    if len({t.kind for t in tables}) != 1:
        raise LeptonError("Images and rows of a table cannot be joined.")
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
    return Table(
        kind=first.kind,
        ids=np.concatenate([t.ids for t in tables]),
        labels=np.concatenate([t.labels for t in tables]),
        images=np.concatenate([t.images for t in tables if t.images is not None]) if first.images is not None else None,
        frame=pd.concat([t.frame for t in tables], ignore_index=True) if first.frame is not None else None,
    )
