"""Shift of the class mix: one class comes more often, each class looks as before (label shift)."""

from __future__ import annotations

import numpy as np

from lepton.monitoring.answers import Judged
from lepton.monitoring.shifts.shift import Weights

TIMES = (2.0, 5.0, 20.0)
"""By strength: how much likelier a row of the class becomes."""


def mix(before: Judged, strength: int, rng: np.random.Generator) -> Weights | None:
    """Favour the rows of one class; see `shift.Shift`."""
    known = [label for label in before.classes if (before.table.labels == label).any()]
    if len(known) < 2:
        return None
    weights = np.where(before.table.labels == known[int(rng.integers(len(known)))], TIMES[strength - 1], 1.0)
    return np.asarray(weights / weights.sum())
