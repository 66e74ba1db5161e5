"""Two aspects that look at labels: their mix, estimated from answers, and the accuracy, where labels are known.

Both are judged against what chance makes of them: the threshold is the quantile that resampled quiet windows of the
same size exceed with a small part of the false alarm rate, so that all aspects together stay near the rate that is
asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lepton.monitoring.answers import Judged, correct, targets
from lepton.monitoring.calibration import SAFETY

PART = 0.1
"""Of the false alarm rate, for each of the two."""
DRAWS = 1000
MIN_LABELLED = 30
"""Fewer labels, in the reference or in the window, measure no accuracy."""
MIN_A_CLASS = 5
"""Fewer held-out rows of a class do not show what it is taken for."""


@dataclass(frozen=True)
class Scored:
    """One of the two: the statistic, and what it may reach by chance."""

    statistic: float
    threshold: float


@dataclass(frozen=True)
class Mix:
    """How often each class occurs, estimated without labels."""

    usual: dict[str, float]
    """In the reference; shares that sum to 1."""
    now: dict[str, float]
    """In the window."""
    scored: Scored
    """Total variation distance between the two."""


@dataclass(frozen=True)
class Measured:
    """Accuracy on labels, in the reference and in the window."""

    usual: float
    now: float
    scored: Scored
    """How far it fell."""
    half_width: float
    """Of the 90 % interval of the difference."""


@dataclass(frozen=True)
class MixEstimator:
    """BBSE from one reference: what the champion takes each class for, and how often each occurs there."""

    answers: NDArray[np.float64]
    """(n, k) probabilities of the reference rows that the champion was not fitted to."""
    confusion: NDArray[np.float64]
    """(k, k) mean probabilities by true class."""
    prior: NDArray[np.float64]
    """(k,) shares of the classes among the labelled rows."""
    classes: tuple[str, ...]
    """The k labels."""
    _thresholds: dict[tuple[int, float, int], float] = field(default_factory=dict, repr=False, compare=False)
    """Those that were drawn already: windows of one size share one."""

    @classmethod
    def of(cls, reference: Judged) -> MixEstimator | None:
        """Return the estimator of a reference; None where too few rows of a class are labelled."""
        held_out, at = reference.held_out(), targets(reference)
        counts = np.bincount(at[held_out & (at >= 0)], minlength=len(reference.classes))
        answers = reference.probabilities[reference.fresh() & reference.finite()]
        if counts.min() < MIN_A_CLASS or not len(answers):
            return None
        means = [reference.probabilities[held_out & (at == k)].mean(axis=0) for k in range(len(counts))]
        return cls(answers, np.stack(means), counts / counts.sum(), reference.classes)

    def shares(self, mean_answer: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (k,) the shares of the classes that explain a mean answer (k,)."""
        import torch

        from lepton.models.label_mix import bbse

        found = bbse(*(torch.from_numpy(part) for part in (mean_answer[None], self.confusion, self.prior)))
        return np.asarray(found.numpy())

    def threshold(self, size: int, rate: float, seed: int) -> float:
        """Return the distance that windows of `size` rows without drift exceed with its part of the rate."""
        asked = (size, rate, seed)
        if asked not in self._thresholds:
            self._thresholds[asked] = self._drawn(size, rate, seed)
        return self._thresholds[asked]

    def compare(self, current: Judged, rate: float, seed: int) -> Mix | None:
        """Return the estimated mix of the classes in a window; None where no answer is finite.

        It is the true mix if the rows of each class look as before; where they do not, this moves, too.

        Args:
            current: The window; its labels are not looked at.
            rate: Of false alarms, of all aspects together.
            seed: Of the resampling.
        """
        seen = current.probabilities[current.finite()]
        if not len(seen):
            return None
        before, after = (self.shares(rows.mean(axis=0)) for rows in (self.answers, seen))
        scored = Scored(_apart(before, after), self.threshold(len(seen), rate, seed))
        usual, now = (dict(zip(self.classes, map(float, found), strict=True)) for found in (before, after))
        return Mix(usual, now, scored)

    def _drawn(self, size: int, rate: float, seed: int) -> float:
        rng, rows = np.random.default_rng(seed), len(self.answers)
        even = np.full(rows, 1 / rows)
        old, new = (rng.multinomial(n, even, size=DRAWS) @ self.answers / n for n in (rows, size))
        null = [_apart(self.shares(a), self.shares(b)) for a, b in zip(old, new, strict=True)]
        return max(SAFETY * float(np.quantile(null, 1 - rate * PART)), 1e-6)


def measured_accuracy(reference: Judged, current: Judged, rate: float, seed: int) -> Measured | None:
    """Return the accuracy on the labels of both; None where either has fewer than MIN_LABELLED.

    Args:
        reference: Rows without drift; those that the champion was fitted to do not count.
        current: The window.
        rate: Of false alarms, of all aspects together.
        seed: Of the draws.
    """
    before, after = correct(reference)[reference.held_out()], correct(current)[current.table.known()]
    if min(len(before), len(after)) < MIN_LABELLED:
        return None
    together = (before.sum() + after.sum() + 1) / (len(before) + len(after) + 2)
    rng = np.random.default_rng(seed)
    old, new = (rng.binomial(len(rows), together, size=DRAWS) / len(rows) for rows in (before, after))
    threshold = SAFETY * float(np.quantile(old - new, 1 - rate * PART))
    spread = np.sqrt(together * (1 - together) * (1 / len(before) + 1 / len(after)))
    fall = max(0.0, float(before.mean() - after.mean()))
    scored = Scored(fall, max(threshold, 1 / len(after)))
    return Measured(float(before.mean()), float(after.mean()), scored, float(1.645 * spread))


def _apart(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    return float(np.abs(one - other).sum() / 2)
