"""The reference's own course: rows that came one after the other, so that a window is of one time."""

from __future__ import annotations

import numpy as np

from lepton.monitoring.answers import Judged
from lepton.monitoring.shifts.shift import Weights

SHARES = (0.5, 0.25, 0.1)
"""By strength: how much of the course a window is."""


def order(before: Judged, strength: int, rng: np.random.Generator) -> Weights | None:
    """Take rows that are neighbours in order of delivery; see `shift.Shift`."""
    count = max(1, round(SHARES[strength - 1] * len(before)))
    start = int(rng.integers(len(before) - count + 1))
    at = np.arange(len(before))
    return np.asarray(((at >= start) & (at < start + count)) / count)
