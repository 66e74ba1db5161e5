"""Covariate shift along a direction of what the champion sees: rows far out in its embedding come more often."""

from __future__ import annotations

import numpy as np

from lepton.monitoring.answers import Judged
from lepton.monitoring.shifts.shift import Weights, leading, tilted


def directions(before: Judged, strength: int, rng: np.random.Generator) -> Weights | None:
    """Tilt one of the leading directions; see `shift.Shift`."""
    along = leading(before)
    if not along.shape[1]:
        return None
    return tilted(rng.choice((-1, 1)) * along[:, int(rng.integers(along.shape[1]))], strength)
