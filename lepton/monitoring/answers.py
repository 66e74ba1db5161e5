"""What the monitor judges: rows together with the champion's answers to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lepton.core.splits import split_of
from lepton.core.table import Table

if TYPE_CHECKING:
    from lepton.models.model import Model


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
    agreement: NDArray[np.float64] | None = None
    """(n,) share of an ensemble's members that give its answer; None where the champion has no members."""

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
            agreement=None if self.agreement is None else self.agreement[at],
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

    def finite(self) -> NDArray[np.bool_]:
        """Return (n,) true where the champion's answer and embedding are numbers."""
        return np.asarray(np.isfinite(self.probabilities).all(axis=1) & np.isfinite(self.embedding).all(axis=1))

    def held_out(self) -> NDArray[np.bool_]:
        """Return (n,) true at the rows that calibrate: labelled, and not fitted to (the test split if not known)."""
        free = ~self.fitted if self.fitted is not None else np.asarray(split_of(self.table.ids)) == "test"
        return np.asarray(free & self.table.known() & self.finite())


def answer(model: Model, table: Table, fitted: NDArray[np.bool_] | None = None) -> Judged:
    """Return rows together with a model's probabilities and embeddings; `fitted` marks those it was fitted to."""
    features = model.features(table)
    return Judged(
        table=table,
        probabilities=model.probabilities(model.logits_of(features)),
        embedding=features.numpy(),
        classes=model.classes,
        fitted=fitted,
        agreement=model.agreement(features),
    )


def correct(judged: Judged) -> NDArray[np.bool_]:
    """Return (n,) true where the most probable class is the row's label."""
    answers = np.array(judged.classes, dtype=object)[np.nan_to_num(judged.probabilities, nan=-1.0).argmax(axis=1)]
    return np.asarray(answers == judged.table.labels, dtype=bool)


def targets(judged: Judged) -> NDArray[np.int64]:
    """Return (n,) positions of the labels among the classes; -1 where unknown or none of them."""
    place = {label: k for k, label in enumerate(judged.classes)}
    return np.array([place.get(label, -1) for label in judged.table.labels], dtype=np.int64)


def certainty(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the negative entropy of each row: the score that Garg et al. find best."""
    return np.asarray((probabilities * np.log(np.clip(probabilities, 1e-12, 1.0))).sum(axis=1))


def atc_threshold(scores: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Return the score that a share of the rows exceeds which equals the share of right answers."""
    wrong = int((~right).sum())
    ordered = np.sort(scores)
    return float(ordered[wrong]) if wrong < len(ordered) else float("inf")
