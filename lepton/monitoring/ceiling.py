"""The share of right answers that the mix of the answers allows.

A model that collapses onto a few classes can be quite sure of itself. If the true classes are mixed as in the
reference, at most 1 - TV(answers now, answers in the reference) of the answers can be right, where TV is the total
variation distance; what chance alone makes of it is not counted. A window whose true mix has changed looks worse than
it is by this.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def mix_ceiling(reference: NDArray[np.float64], current: NDArray[np.float64]) -> float:
    """Return the largest share of right answers that the mix of answers allows, if the true mix is the reference's.

    Args:
        reference: (n, k) probabilities without drift.
        current: (m, k) probabilities of the window.
    """
    classes = reference.shape[1]
    before, after = (np.bincount(p.argmax(axis=1), minlength=classes) / len(p) for p in (reference, current))
    rng = np.random.default_rng(0)
    drawn = [rng.multinomial(len(p), before, size=500) / len(p) for p in (reference, current)]
    chance = float(np.quantile(np.abs(drawn[0] - drawn[1]).sum(axis=1) / 2, 0.99))
    return 1.0 - max(0.0, float(np.abs(before - after).sum()) / 2 - chance)
