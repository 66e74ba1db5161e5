"""What the monitor judges: rows together with the champion's answers to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lepton.core.splits import split_of
from lepton.core.table import Table


@dataclass(frozen=True)
class Judged:
    """Rows, and what the champion makes of them."""

    table: Table
    probabilities: NDArray[np.float64]
    """(n, k) over `classes`; rows sum to 1."""
    embedding: NDArray[np.floating]
    """(n, d): the champion's features."""
    classes: tuple[str, ...]
    """The k labels, in the order of the probabilities."""
    fitted: NDArray[np.bool_] | None = None
    """(n,) true where the champion was fitted to the row's label; None: decided by the split, see `fresh`."""

    def __post_init__(self) -> None:
        rows = len(self.table)
        if len(self.probabilities) != rows or len(self.embedding) != rows:
            raise ValueError("rows, probabilities and embedding differ in length")
        if self.probabilities.ndim != 2 or self.embedding.ndim != 2:
            raise ValueError("probabilities and embedding are (n, k) and (n, d)")
        if rows and self.probabilities.shape[1] != len(self.classes):
            raise ValueError(f"{self.probabilities.shape[1]} probabilities a row for {len(self.classes)} classes")
        if self.fitted is not None and len(self.fitted) != rows:
            raise ValueError("rows and the mask of fitted rows differ in length")

    def __len__(self) -> int:
        return len(self.table)

    def take(self, rows: Sequence[int] | NDArray[np.integer]) -> Judged:
        """Return the rows at these positions, in that order."""
        at = np.asarray(rows, dtype=np.int64)
        return Judged(
            table=self.table.take(at),
            probabilities=self.probabilities[at],
            embedding=self.embedding[at],
            classes=self.classes,
            fitted=None if self.fitted is None else self.fitted[at],
        )

    def fresh(self) -> NDArray[np.bool_]:
        """Return (n,) true where the champion answers a row that it was not fitted to.

        A model is surer of the rows that it learnt from than of any window to come, so those would make every
        quiet window look drifted. Without a mask of the fitted rows, labelled rows outside the test split may
        have been learnt from; unlabelled ones and the test split cannot.
        """
        if self.fitted is not None:
            return ~self.fitted
        held_out: NDArray[np.bool_] = np.asarray(split_of(self.table.ids) == "test", dtype=bool)
        return held_out | ~self.table.known()
