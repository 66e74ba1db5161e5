"""Statistics of two models' answers to the same rows: only the rows on which they differ carry evidence.

Wins are rows that only the one gets right, losses those that only the other does.
"""

from __future__ import annotations

from math import ceil, comb, inf, sqrt

import numpy as np

Z = 1.6449
"""Standard normal quantile of 95 %, one-sided."""
RESAMPLES = 4000


def mcnemar_worse(wins: int, losses: int) -> float:
    """Return P(at least `losses` losses among wins + losses) under equal chances: the exact one-sided McNemar test."""
    n = wins + losses
    return sum(comb(n, k) for k in range(losses, n + 1)) / 2**n if n else 1.0


def lower_bound(wins: int, losses: int, rows: int, z: float = Z) -> float:
    """Return the one-sided lower bound of the paired difference, by inverting Tango's score test (1998).

    It holds its level where a bootstrap does not: few rows, few rows that differ. With none that differ it is about
    -2.7 / rows at 95 %, the default: it takes 150 rows to rule out a loss of 0.02 by answers that are all the same.
    """
    low, high = -1.0, (wins - losses) / rows
    for _ in range(60):
        middle = (low + high) / 2
        if _score(middle, wins, losses, rows) > z:
            low = middle
        else:
            high = middle
    return low


def bootstrap_interval(wins: int, losses: int, rows: int) -> tuple[float, float]:
    """Return the 95 % percentile bootstrap interval of the paired difference (Efron 1979).

    Rows drawn again with replacement are rows won, lost or neither, so one multinomial draw is one resample.
    """
    chances = np.array([wins, losses, rows - wins - losses]) / rows
    drawn = np.random.default_rng(0).multinomial(rows, chances, size=RESAMPLES)
    low, high = np.quantile((drawn[:, 0] - drawn[:, 1]) / rows, (0.025, 0.975))
    return round(float(low), 6), round(float(high), 6)


def rows_needed(margin: float) -> int:
    """Return how many rows rule out a loss of `margin` if no answer differs: the least that can ever pass."""
    return ceil(Z * Z * (1 - margin) / margin)


def rows_until(wins: float, losses: float, rows: int, margin: float, z: float = Z) -> int | None:
    """Return how many rows like those seen would rule out a loss of `margin`; None if a million would not.

    Args:
        wins: Of the rows; a part of one where they are expected, not counted.
        losses: The same.
        rows: The least that may be answered.
        margin: Of accuracy.
        z: Standard normal quantile of the bound.
    """

    def shown(many: int) -> bool:
        return lower_bound(round(wins * many / rows), round(losses * many / rows), many, z) >= -margin

    if shown(rows):
        return rows
    high = 2 * rows
    while not shown(high):
        high *= 2
        if high > 1_000_000:
            return None
    low = high // 2
    while high - low > max(1, low // 50):
        middle = (low + high) // 2
        low, high = (low, middle) if shown(middle) else (middle, high)
    return high


def _score(difference: float, wins: int, losses: int, rows: int) -> float:
    """Return Tango's statistic for a true difference: standard normal if that is the truth."""
    a = 2 * rows
    b = -wins - losses + (2 * rows - wins + losses) * difference
    c = -losses * difference * (1 - difference)
    share = (sqrt(max(b * b - 4 * a * c, 0.0)) - b) / (2 * a)  # likeliest share of rows lost, given the difference
    variance = rows * (2 * share + difference * (1 - difference))
    return (wins - losses - rows * difference) / sqrt(variance) if variance > 0 else inf
