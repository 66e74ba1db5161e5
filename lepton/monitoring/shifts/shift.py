"""What every family of resampling shares."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lepton.monitoring.answers import Judged

Weights = NDArray[np.float64]
Shift = Callable[[Judged, int, np.random.Generator], Weights | None]
"""Rows, strength 1 to 3, chance -> (n,) weights that sum to 1; None where such rows have nothing to shift."""

TILT = (0.7, 1.5, 3.0)
"""By strength: how the log of a row's weight follows what is tilted, in standard deviations of it."""
LEADING = 8
"""Directions of the embedding that are tilted or grouped by."""


def tilted(values: NDArray[np.float64], strength: int) -> Weights:
    """Return weights that favour rows of high values (n,), none of them missing."""
    scaled = (values - values.mean()) / max(float(values.std()), 1e-9)
    # Beyond three standard deviations a few rows would be the whole window.
    weights = np.exp(TILT[strength - 1] * np.clip(scaled, -3, 3))
    return np.asarray(weights / weights.sum())


def leading(before: Judged) -> NDArray[np.float64]:
    """Return (n, at most LEADING) the rows along the leading directions of their embedding, of unit spread."""
    rows = before.embedding.astype(np.float64)
    moved = rows - rows.mean(axis=0)
    left, sizes, _ = np.linalg.svd(moved, full_matrices=False)
    kept = sizes[:LEADING] > 1e-6 * max(float(sizes[0]), 1e-12)
    return np.asarray(left[:, :LEADING][:, kept] * np.sqrt(len(rows)))
