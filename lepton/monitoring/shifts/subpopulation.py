"""Another subpopulation: the rows around one of them, as the champion sees them, come more often than all others."""

from __future__ import annotations

import numpy as np

from lepton.monitoring.answers import Judged
from lepton.monitoring.shifts.shift import Weights, leading

SHARES = (0.4, 0.2, 0.1)
"""By strength: the share of the rows that is the subpopulation."""
OTHERS = 0.1
"""Of the window: rows from elsewhere."""


def subpopulation(before: Judged, strength: int, rng: np.random.Generator) -> Weights | None:
    """Favour the neighbours of a row; see `shift.Shift`."""
    along = leading(before)
    if not along.shape[1]:
        return None
    away = np.linalg.norm(along - along[int(rng.integers(len(along)))], axis=1)
    near = away <= np.quantile(away, SHARES[strength - 1])
    return np.asarray(np.where(near, (1 - OTHERS) / near.sum(), OTHERS / max(1, (~near).sum())))
