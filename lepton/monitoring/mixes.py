"""How far the true mix of the classes moves in the ordinary course of things, and how likely a farther move is.

When the answers' mix moves, either the classes did, or the champion errs; no number without labels tells which. What
does speak is the reference's own course, whose labels are known: elec2's prices rise in 42 % of the hours, in every
month between 34 and 50 %, so that a window in which 100 % were answered "rises" is an error rather than news.
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
