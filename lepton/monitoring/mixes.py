"""How far the true mix of the classes moves in the ordinary course of things, and how likely a farther move is.

When the answers' mix moves, either the classes did, or the champion errs; no number without labels tells which. What
does speak is the reference's own course, whose labels are known: elec2's prices rise in 42 % of the hours, in every
month between 34 and 50 %, so that a window in which 100 % were answered "rises" is an error rather than news.

A model that collapses onto a few classes can be quite sure of itself. If the true classes are mixed as in the
reference, at most 1 - TV(answers now, answers in the reference) of the answers can be right, where TV is the total
variation distance; what chance alone makes of it is not counted. A window whose true mix has changed looks worse than
it is by this.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BLOCKS = 8
"""Parts of the reference's course that are compared."""
LEAST = 0.1
"""The mix is never thought to be steadier than this: a reference may be one day."""
NEVER = 0.05
"""What is left of the belief in a move however far: a new mix is rare, not impossible."""


def apart(one: NDArray[np.object_], other: NDArray[np.object_]) -> float:
    """Return the total variation distance between the shares of labels; unknown ones do not count."""
    shares = []
    names = sorted({label for labels in (one, other) for label in labels if label is not None})
    for labels in (one, other):
        counts = np.array([(labels == name).sum() for name in names], dtype=np.float64)
        shares.append(counts / max(1.0, counts.sum()))
    return float(np.abs(shares[0] - shares[1]).sum() / 2)


def steadiness(labels: NDArray[np.object_]) -> float:
    """Return how far the mix moves in the course of a reference: the largest distance of a part from the whole.

    Args:
        labels: (n,) in order of delivery; None where unknown.
    """
    known = labels[np.array([label is not None for label in labels], dtype=bool)]
    if len(known) < BLOCKS:
        return LEAST
    return max(LEAST, *(apart(part, known) for part in np.array_split(known, BLOCKS)))


def plausible(moved: NDArray[np.float64], steady: float) -> NDArray[np.float64]:
    """Return (w,) how likely windows are whose true mix moved so far (w,), between NEVER and 1."""
    return np.asarray(np.maximum(NEVER, np.exp(-0.5 * (moved / (2 * steady)) ** 2)))


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
