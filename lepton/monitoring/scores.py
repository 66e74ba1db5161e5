"""The scale of drift: 1.0 is what chance reaches with the false alarm rate, and there is no upper end.

A statistic has one: values beyond the reference's range are drawn in, so that a single absurd one fakes no drift, and
shares cannot be farther apart than all from none. A score that sits at such an end hides what comes after. So a column
whose middle has left the range counts more the farther it went, and an aspect counts all of its columns that are
beyond the threshold. Neither moves a score across 1: thresholds mean what they were calibrated for.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import log1p

import numpy as np
from numpy.typing import NDArray

NORM = 2.0
"""Columns are directions of a space, their scores lengths: 1 would add them up, infinity count the largest only."""


def column_score(statistic: float, threshold: float, beyond: float = 0.0) -> float:
    """Return how far a column drifted.

    Args:
        statistic: Its distance from the reference.
        threshold: What chance makes of it.
        beyond: See `beyond_range`.
    """
    found = statistic / threshold
    return found * (1 + log1p(beyond)) if found >= 1 else found


def together(scores: Iterable[float]) -> float:
    """Return the score of columns together: the largest, and more where others are beyond the threshold, too."""
    found = np.array(list(scores), dtype=np.float64)
    largest = float(found.max(initial=0.0))
    drifted = found[found >= 1]
    if len(drifted) < 2:
        return largest
    return largest * float(((drifted / largest) ** NORM).sum() ** (1 / NORM))


def beyond_range(low: float, high: float, reach: float, values: NDArray[np.float64]) -> float:
    """Return how far the middle of the values lies outside a range, in widths of it; 0 within.

    Args:
        low: Lower end of the reference's range.
        high: Upper end.
        reach: Its width.
        values: (m,) of the window; those that are not finite do not count.
    """
    finite = values[np.isfinite(values)]
    if not len(finite):
        return 0.0
    middle = float(np.median(finite))
    return max(0.0, middle - high, low - middle) / reach
