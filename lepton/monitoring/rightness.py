"""The chance that an answer is right, row by row: logistic regression with a ridge on held-out labelled rows.

Three sets of evidence, each of which knows something that the others do not:

- `scores`: how sure the champion is and which class it says: confidence-based performance estimation (CBPE of NannyML),
  calibrated for every answered class apart.
- `places`: the same, and where the row lies in the champion's embedding: calibrated within every region, too
  (multicalibration; the M of M-CBPE, Kivimäki et al. 2024).
- `members`: how many members of an ensemble agree (Jiang et al. 2022), where there are members.

Under covariate shift the chance given the evidence stays what it was, so its mean over a window is the window's
accuracy. `scores` alone are too coarse for that where rows of one score differ in kind; then the calibration is made
anew for every window, on held-out rows weighted to look like it (PAPE, Białek et al. 2024).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lepton.monitoring.answers import Judged

Matrix = NDArray[np.float64]

RIDGE = 1.0
"""Rows' worth of pull towards an accuracy that hangs on nothing."""
MIN_CLASS = 40
"""Fewer held-out answers of a class have no calibration of their own."""
LEADING = 8
"""Directions of the embedding that say where a row lies."""
FARTHEST = 3.0
"""Standard deviations from which on a row lies no farther: what is linear must not be drawn out."""
STEPS = 8
HEAVIEST = 20.0
"""Most weight that a held-out row may have against the mean: one row must not stand for a window."""


@dataclass(frozen=True)
class Evidence:
    """How answers of one champion are turned into columns."""

    centre: Matrix
    axes: Matrix
    """(d, at most LEADING): leading directions over their spreads."""
    classes: NDArray[np.int64]
    """The answered classes that have a calibration of their own."""
    middle: float
    spread: float
    """Of the log-odds of the most probable class."""

    @classmethod
    def of(cls, usual: Judged) -> Evidence:
        """Return what the columns are measured by: rows without drift, all of finite answers."""
        rows = usual.embedding.astype(np.float64)
        centre = rows.mean(axis=0)
        _, sizes, vectors = np.linalg.svd(rows - centre, full_matrices=False)
        kept = (
            np.flatnonzero(sizes[:LEADING] > 1e-6 * max(float(sizes[0]), 1e-12))
            if len(sizes)
            else np.array([], dtype=np.int64)
        )
        axes = (vectors[kept].T / (sizes[kept] / np.sqrt(len(rows)))) if len(kept) else np.zeros((rows.shape[1], 0))
        counts = np.bincount(usual.probabilities.argmax(axis=1), minlength=usual.probabilities.shape[1])
        odds = _odds(usual.probabilities)
        own = np.flatnonzero(counts >= MIN_CLASS)
        return cls(centre, axes, own, float(odds.mean()), float(odds.std()) + 1e-6)

    def scores(self, seen: Judged) -> Matrix:
        """Return (n, c) how sure the champion is, for every answered class apart."""
        sure = np.clip((_odds(seen.probabilities) - self.middle) / self.spread, -FARTHEST, FARTHEST)
        said = (seen.probabilities.argmax(axis=1)[:, None] == self.classes).astype(np.float64)
        return np.column_stack([np.ones(len(sure)), sure, sure**2, said, said * sure[:, None]])

    def where(self, seen: Judged) -> Matrix:
        """Return (n, c) where the rows lie."""
        along = np.clip((seen.embedding.astype(np.float64) - self.centre) @ self.axes, -FARTHEST, FARTHEST)
        return np.column_stack([along, along**2])

    def places(self, seen: Judged) -> Matrix:
        """Return (n, c) how sure the champion is, and where the rows lie."""
        return np.column_stack([self.scores(seen), self.where(seen)])

    def members(self, seen: Judged) -> Matrix | None:
        """Return (n, c) what the members say; None where there are none."""
        if seen.agreement is None:
            return None
        return np.column_stack([np.ones(len(seen)), seen.agreement, seen.agreement**2])


def fit(columns: Matrix, outcome: NDArray[np.bool_], weights: Matrix | None = None, ridge: float = RIDGE) -> Matrix:
    """Return (c,) the coefficients of a logistic regression; the first column is the constant, which is not pulled.

    Args:
        columns: (n, c).
        outcome: (n,) what is to be told.
        weights: (n,) of the rows, with a mean of about 1.
        ridge: How strongly the others are pulled to 0.
    """
    y = outcome.astype(np.float64)
    w = np.ones(len(y)) if weights is None else weights
    share = float(np.clip((w @ y + 0.5) / (w.sum() + 1), 1e-4, 1 - 1e-4))
    pull = np.full(columns.shape[1], ridge)
    pull[0] = 1e-3
    found = np.zeros(columns.shape[1])
    found[0] = start = np.log(share / (1 - share))
    for _ in range(STEPS):
        p = chance(columns, found)
        slope = columns.T @ (w * (y - p)) - pull * np.where(np.arange(len(found)) == 0, found - start, found)
        curve = (columns * (w * p * (1 - p))[:, None]).T @ columns + np.diag(pull)
        step = np.linalg.solve(curve, slope)
        found = found + step * min(1.0, 4.0 / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < 1e-6:
            break
    return found


def chance(columns: Matrix, coefficients: Matrix) -> Matrix:
    """Return (n,) the chances that the coefficients give."""
    return np.asarray(1 / (1 + np.exp(-np.clip(columns @ coefficients, -30, 30))))


def alike(held: Matrix, window: Matrix) -> Matrix:
    """Return (n,) weights of mean 1 that make held-out rows look like a window: odds of a classifier between the two.

    Args:
        held: (n, c) columns of the held-out rows; the first is the constant.
        window: (m, c) the same of the window.
    """
    balance = np.concatenate([np.full(len(held), 1.0), np.full(len(window), len(held) / len(window))])
    both = np.concatenate([held, window])
    found = fit(both, np.arange(len(both)) >= len(held), balance, ridge=5.0)
    p = chance(held, found)
    odds = p / (1 - p)
    odds = np.minimum(odds / max(float(odds.mean()), 1e-12), HEAVIEST)
    return np.asarray(odds / odds.mean())


def _odds(probabilities: Matrix) -> Matrix:
    best = np.clip(probabilities.max(axis=1), 1e-4, 1 - 1e-6)
    return np.asarray(np.log(best / (1 - best)))
