"""Whether a window hurts, as far as that can be known: the question that decides between silence and a page.

An estimate is a middle and two ends. *Harmless* is said only where even the dear end of the cost is within the
tolerance: a middle of zero says nothing if sixty points may be lost. *Harmful* needs the middle beyond the tolerance
and an interval that leaves out that nothing was lost, or a middle that is far beyond. All else is not known, and who
decides must treat it so.
"""

from __future__ import annotations

from typing import Literal

from lepton.core.decisions.observation import Observation

CLEAR = 0.05
"""A middle so far beyond the tolerance hurts, whatever hope the interval leaves: what follows is a transfer that the
gate judges, while waiting would follow hope."""

Harm = Literal["harmless", "harmful", "unknown"]


def harm(seen: Observation, tolerance: float) -> Harm:
    """Return whether a window costs more accuracy than is tolerated.

    Args:
        seen: The window. Labels, where they measured its cost, are believed before any estimate.
        tolerance: Loss of accuracy that does not matter, as a share of rows.
    """
    low, high = seen.cost_low, seen.cost_high
    if high is not None and high <= tolerance and not better_than_ever(seen):
        return "harmless"
    if low is not None and low > tolerance:
        return "harmful"
    # Without an interval a fall is still a fall: confidence alone errs by seeing too little of it.
    if known(seen) and seen.cost > tolerance and (low is None or low > 0 or seen.cost >= tolerance + CLEAR):
        return "harmful"
    return "unknown"


def known(seen: Observation) -> bool:
    """Return whether there is a middle: measured on labels, or estimated where the estimate claims to know."""
    return seen.measured_cost is not None or None not in (seen.estimated_accuracy, seen.expected_accuracy)


def better_than_ever(seen: Observation) -> bool:
    """Return whether an estimate, and no label, says that the champion does better than on its own data.

    Drift seldom helps. An estimate that rises with it has more likely lost its footing: elec2's champion was right
    in 56 % of the rows while 100 % were estimated.
    """
    if seen.measured_cost is not None or seen.estimated_accuracy is None or seen.expected_accuracy is None:
        return False
    best = seen.expected_accuracy if seen.expected_high is None else seen.expected_high
    return seen.estimated_accuracy > best
