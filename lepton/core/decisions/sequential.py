"""Whether labels prove a loss of accuracy, however few they are and however often one looks.

The reference's accuracy is itself known from some rows only, so what must be refuted is not one accuracy but its
posterior after those rows: under "nothing is lost" the labels are drawn from an urn (Polya's) that was filled by the
reference. A reference of few rows makes every proof harder.

Two proofs share the chance of being false, so that both together hold it:

- *once*, exactly: at the first look with `ENOUGH` labels, whether so many wrong answers come out of the urn at all.
  Labels often come in one delivery; no test of that level proves more from it.
- *at every look*, by betting (Waudby-Smith and Ramdas 2024, "Estimating means of bounded random variables by betting";
  for right-or-wrong the bets are likelihood ratios): capital that starts at 1 and is bet, label by label, on a loss. If
  nothing is lost it does not grow on average, so the chance that it ever exceeds 1/rate is at most `rate` (Ville's
  inequality), however the labels trickle in and whenever somebody looks.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from lepton.core.metrics import wilson

RATE = 0.01
"""Chance that a window without loss is ever said to have lost."""
ONCE = 0.7
"""Part of it that the exact proof may use up; the rest is for betting."""
ENOUGH = 30
"""Labels at which the exact proof is tried: fewer show only what is lost beyond doubt, which betting sees as well."""
BETS = tuple(np.linspace(0.05, 0.6, 12))
"""Losses that are bet on, with equal stakes. Smaller ones take hundreds of labels, for which any bet will do."""


def proves(right: int, labelled: int, usual_right: int, usual_labelled: int, tested: int = 0) -> bool:
    """Return whether labels prove that the champion is right less often than on the reference.

    Args:
        right: Labelled rows of the window that the champion answered rightly.
        labelled: Labelled rows of the window.
        usual_right: The same of the reference's held-out rows.
        usual_labelled: Labelled held-out rows of the reference.
        tested: Labels that were known when this window was looked at before; 0 if it never was.
    """
    if labelled == 0 or usual_labelled == 0 or right * usual_labelled >= usual_right * labelled:
        return False
    if tested < ENOUGH <= labelled and chance(right, labelled, usual_right, usual_labelled) <= ONCE * RATE:
        return True
    return evidence(right, labelled, usual_right, usual_labelled) >= 1 / ((1 - ONCE) * RATE)


def chance(right: int, labelled: int, usual_right: int, usual_labelled: int) -> float:
    """Return the chance of so few right answers, or fewer, if nothing is lost.

    Args:
        right: Labelled rows of the window that the champion answered rightly.
        labelled: Labelled rows of the window.
        usual_right: The same of the reference's held-out rows.
        usual_labelled: Labelled held-out rows of the reference.
    """
    ways = [math.lgamma(labelled + 1) - math.lgamma(k + 1) - math.lgamma(labelled - k + 1) for k in range(right + 1)]
    drawn = _log_drawn(labelled, usual_right, usual_labelled)
    return float(sum(math.exp(way + drawn[labelled - k]) for k, way in enumerate(ways)))


def evidence(right: int, labelled: int, usual_right: int, usual_labelled: int) -> float:
    """Return the capital of somebody who bet on a loss, label by label; see `chance` for the arguments."""
    a, b = usual_right + 0.5, usual_labelled - usual_right + 0.5
    bets = np.clip(a / (a + b) - np.array(BETS), 1e-3, 1 - 1e-3)
    by_bet = right * np.log(bets) + (labelled - right) * np.log1p(-bets)
    won = float(np.logaddexp.reduce(by_bet)) - math.log(len(BETS))
    return math.exp(min(won - _log_drawn(labelled, usual_right, usual_labelled)[labelled - right], 700.0))


def interval(
    right: int, labelled: int, usual_right: int, usual_labelled: int, level: float = 0.9
) -> tuple[float, float]:
    """Return the ends of the interval of the loss: the reference's accuracy less the window's.

    Newcombe's (1998, "Interval estimation for the difference between independent proportions", method 10): Wilson's
    scores, which hold their level with few rows and at accuracies near one. It is for one look, and for people to read.
    """
    z = NormalDist().inv_cdf((1 + level) / 2)
    usual, now = usual_right / usual_labelled, right / labelled
    usual_low, usual_high = wilson(usual, usual_labelled, z)
    low, high = wilson(now, labelled, z)
    loss = usual - now
    return loss - math.hypot(usual - usual_low, high - now), loss + math.hypot(usual_high - usual, now - low)


@lru_cache(maxsize=256)
def _log_drawn(labelled: int, usual_right: int, usual_labelled: int) -> NDArray[np.float64]:
    """Return (labelled + 1,) the log of the chance of labels in one order out of the urn, by number of wrong ones."""
    a, b = usual_right + 0.5, usual_labelled - usual_right + 0.5
    steps = np.log(np.arange(labelled) + np.array([[a], [b], [a + b]]))
    sums = np.concatenate([np.zeros((3, 1)), steps.cumsum(axis=1)], axis=1)
    wrong = np.arange(labelled + 1)
    return np.asarray(sums[0][labelled - wrong] + sums[1][wrong] - sums[2][labelled])
