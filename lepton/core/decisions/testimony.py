"""What the labels of a window say of it: they are added to what was seen, and overrule what was estimated."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lepton.core.decisions.observation import Observation
from lepton.core.decisions.sequential import ENOUGH, interval, proves


@dataclass(frozen=True)
class Answers:
    """How often the champion was right, of rows whose label is known."""

    right: int
    labelled: int


def testified(seen: Observation, found: Answers, usual: Answers) -> Observation:
    """Return an observation with what its labels say.

    The measured loss takes the place of the estimated one where it is proven, where `ENOUGH` labels speak, and where
    fewer are still more precise than the estimate.

    Args:
        seen: The window; what was tested on fewer labels of it is remembered.
        found: Its labels by now.
        usual: The reference's held-out rows.
    """
    if not found.labelled:
        return seen
    known = replace(seen, realised_accuracy=found.right / found.labelled, labelled=found.labelled)
    usual = usual if usual.labelled >= ENOUGH else _expected(seen)
    if not usual.labelled:
        return known
    rows = (found.right, found.labelled, usual.right, usual.labelled)
    low, high = interval(*rows)
    lost = proves(*rows, tested=seen.tested)
    known = replace(known, lost=lost, tested=found.labelled)
    if not (lost or found.labelled >= ENOUGH or high - low < _width(seen)):
        return known
    cost = usual.right / usual.labelled - found.right / found.labelled
    return replace(known, measured_cost=cost, measured_low=low, measured_high=high)


def _expected(seen: Observation) -> Answers:
    """Return the rows that would tell the expected accuracy as precisely as it is known, where none of ours do."""
    usual, low, high = seen.expected_accuracy, seen.expected_low, seen.expected_high
    if usual is None or low is None or high is None or high <= low:
        return Answers(0, 0)
    rows = int(max(usual * (1 - usual), 0.01) / ((high - low) / (2 * 1.645)) ** 2)
    return Answers(round(usual * rows), rows)


def _width(seen: Observation) -> float:
    """Return the width of the interval that is estimated; infinity where there is none."""
    if seen.estimated_low is None or seen.estimated_high is None:
        return float("inf")
    return seen.estimated_high - seen.estimated_low
