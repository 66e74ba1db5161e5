"""What drift that stands asks of a person: nothing, labels, or a transfer. It follows from all that was decided of it.

The last decision alone does not tell: after a window that was benign, or labels that proved nothing, a quieter window
decides `wait` while the phase is still `drifted`. What counts is whether people were told, and what was said last of
the harm.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from lepton.core.decisions.memory import CONFIRMED, Decision

Remedy = Literal["nothing", "labels", "transfer"]


def remedy(decisions: Sequence[Decision]) -> Remedy:
    """Return what a person should do about the drift of a pair.

    Args:
        decisions: Of the pair, oldest first, whichever champion they are about.
    """
    last = decisions[-1].state if decisions else None
    if last is None or last.phase not in CONFIRMED or not last.alert_open:
        return "nothing"
    asked = None
    for decision in reversed(decisions):
        if decision.state.champion != last.champion or decision.state.phase not in CONFIRMED:
            break
        if decision.harm is not None:
            asked = decision.harm
            break
    if asked == "harmless":
        return "nothing"
    # Beyond `drifted` the policy took what nobody knows for harm: whoever set it so has no labels to give.
    return "labels" if asked == "unknown" and last.phase == "drifted" else "transfer"
