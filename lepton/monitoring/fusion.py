"""One estimate of the pieces: each weighs by how it erred on windows that look like this one and were not shown to it.

Simulated windows have a known accuracy, so each piece has a known error on each of them; a kind of drift is always
judged by what was learnt without it. Around a window, the errors on its neighbours count most. Where pieces disagree,
the interval is wider (as in a random-effects meta-analysis, DerSimonian and Laird 1986); its ends are the quantiles of
the scaled errors, of either side apart (split conformal prediction). Drift that changes what the labels mean leaves no
trace in any of this. Some windows of that sort are among those that the lower end must hold, so that it knows of its
blindness.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

LEVEL = 0.9
"""Chance that the interval holds the accuracy of a window."""
PRIOR = 1.0
"""Neighbours' worth of belief in a piece's error over all windows."""
NEIGHBOURS = 15
"""Windows that count most."""
SHARPNESS = 2.0
"""Power of a piece's variance in its weight: 1 would be right if pieces erred independently, which they do not."""
FLOOR = 0.005
"""No piece errs by less, as a share of rows."""
BEYOND = 1.5
"""A window is outside what was simulated from so many times the distance on that kinds of drift lie from all others."""
CONCEPT = 0.2
"""Share of the windows behind the lower end whose labels moved."""
MOVED = (0.03, 0.06, 0.12)
"""Of their right answers, so many became wrong."""
QUIET_KIND = "quiet"
"""Begin of the kind of a window without drift."""
PAST = 2.0
"""Windows with late labels that weigh as much as all simulated ones."""


@dataclass(frozen=True)
class Fused:
    """The pieces taken together."""

    accuracy: float
    low: float
    high: float
    spread: float
    """Standard error of the middle on windows like this one."""
    weights: Matrix
    """(p,) of the pieces; they sum to 1."""
    known: bool
    """Whether windows like this one were simulated."""


@dataclass(frozen=True)
class Fusion:
    """How the pieces erred on simulated windows, and what follows for another."""

    places: Matrix
    """(w, f) standardised features of the windows."""
    errors: Matrix
    """(w, p) of the pieces, each without knowledge of the window's kind; NaN for a piece that says nothing."""
    kinds: NDArray[np.str_]
    believed: Matrix
    """(w,) how likely such a window is, between 0 and 1: see `mixes`."""
    far: float
    """Distance to the next window from which on a window is unlike all that was simulated."""
    reach: tuple[float, float]
    """How many standard errors the interval reaches down and up."""

    @classmethod
    def of(cls, places: Matrix, said: Matrix, accuracy: Matrix, kinds: NDArray[np.str_], believed: Matrix) -> Fusion:
        """Return what simulated windows teach.

        Args:
            places: (w, f) standardised features.
            said: (w, p) what each piece says of each window without knowing its kind.
            accuracy: (w,) the truth.
            kinds: (w,) what was done.
            believed: (w,) how likely such a window is.
        """
        away = _distances(places, places)
        other = kinds[:, None] != kinds[None, :]
        others = np.where(other, away, np.inf)
        first = np.where(np.isfinite(others), others, 0).min(axis=1, where=other, initial=np.inf)
        far = BEYOND * float(np.quantile(first[np.isfinite(first)], 0.98))
        made = cls(places, said - accuracy[:, None], kinds, believed, far, (1.0, 1.0))
        scaled, drifted = np.zeros(len(kinds)), np.zeros(len(kinds))
        for k in range(len(kinds)):
            middle, spread, _ = made._middle(said[k], away[k], other[k], None)
            scaled[k], drifted[k] = (accuracy[k] - middle) / spread, 1 / spread
        weights = believed * np.array([1 / believed[kinds == kind].sum() for kind in kinds])
        weights = weights / weights.sum()
        # The farther the rows went, the more the labels may have moved with them.
        quiet = np.array([kind.startswith(QUIET_KIND) for kind in kinds])
        gone = _distances(places, places[quiet].mean(axis=0)[None])[:, 0] if quiet.any() else np.ones(len(kinds))
        gone = np.minimum(gone / max(float(np.median(gone)), 1e-9), 1.5)
        moved = [scaled - share * gone * accuracy * drifted for share in MOVED]
        every = np.concatenate([scaled, *moved])
        parts = np.concatenate([weights * (1 - CONCEPT), *(weights * CONCEPT / len(MOVED) for _ in MOVED)])
        tail = (1 - LEVEL) / 2
        down, up = -_quantile(every, parts, tail), _quantile(scaled, weights, 1 - tail)
        return cls(places, made.errors, kinds, believed, far, (max(down, 1.0), max(up, 1.0)))

    def fuse(self, place: Matrix, said: Matrix, past: Matrix | None = None) -> Fused:
        """Return the estimate for a window.

        Args:
            place: (f,) its standardised features.
            said: (p,) what each piece says of it.
            past: (2, p) of the pieces on earlier windows whose labels came: mean squared error, and how many windows.
        """
        away = _distances(place[None], self.places)[0]
        middle, spread, weights = self._middle(said, away, np.ones(len(away), dtype=bool), past)
        low, high = middle - self.reach[0] * spread, middle + self.reach[1] * spread
        known = bool(away.min() <= self.far)
        if not known:
            given = said[np.isfinite(said)]
            worst = float(np.sqrt(np.nanmean(self.errors[:, np.isfinite(said)] ** 2, axis=0).max()))
            low = min(low, float(given.min()) - self.reach[0] * worst)
            high = max(high, float(given.max()) + self.reach[1] * worst)
        return Fused(middle, max(0.0, low), min(1.0, high), spread, weights, known)

    def _middle(
        self, said: Matrix, away: Matrix, use: NDArray[np.bool_], past: Matrix | None
    ) -> tuple[float, float, Matrix]:
        """Return the weighted mean of what the pieces say, its standard error, and the weights."""
        near = max(float(np.sort(away[use])[:NEIGHBOURS][-1]), 1e-6) / 1.5
        like = np.where(use, np.exp(-0.5 * (away / near) ** 2), 0.0) * self.believed
        squared = np.where(np.isfinite(self.errors), self.errors, 0.0) ** 2
        present = np.isfinite(self.errors) & use[:, None]
        heard = np.where(present, self.believed[:, None], 0.0)
        overall = (squared * heard).sum(axis=0) / np.maximum(heard.sum(axis=0), 1e-9)
        variance = (like @ np.where(present, squared, 0.0) + PRIOR * overall) / (like @ present + PRIOR)
        if past is not None:
            known = past[1] > 0
            variance = np.where(known, (PAST * variance + past[1] * past[0]) / (PAST + past[1]), variance)
        variance = np.maximum(variance, FLOOR**2)
        speaks = np.isfinite(said) & (present.any(axis=0))
        weights = np.where(speaks, 1 / variance**SHARPNESS, 0.0)
        weights = weights / weights.sum()
        values = np.where(speaks, said, 0.0)
        middle = float(weights @ values)
        apart = float(weights @ np.where(speaks, (values - middle) ** 2, 0.0))
        # Pieces err together more often than not: the mean of their errors, not the error of their mean.
        return middle, float(np.sqrt(weights @ np.where(speaks, variance, 0.0) + apart)), weights


def _distances(some: Matrix, others: Matrix) -> Matrix:
    return np.asarray(np.sqrt(((some[:, None, :] - others[None, :, :]) ** 2).mean(axis=2)))


def _quantile(values: Matrix, weights: Matrix, level: float) -> float:
    order = np.argsort(values)
    at = int(np.searchsorted(np.cumsum(weights[order]), level))
    return float(values[order][min(at, len(values) - 1)])
