"""What a champion's accuracy is without drift, as labels measured it, and what so few of them cannot tell.

All rows that are labelled and were not fitted to count: what is estimated of a window is compared with this, so its own
error is an error of every cost. A champion that was adapted without labels has no such rows. Nobody measured it, and
what its own confidence says is no substitute; what was measured last of its pair then stands for it, with an interval
that reaches down to the least that was estimated since.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lepton.core.decisions.observation import Observation
from lepton.core.metrics import wilson
from lepton.monitoring.answers import Judged, correct

MIN_LABELLED = 30
"""Fewer held-out labelled rows than this measure nothing."""
Z = 1.645
"""Of a 90 % interval."""


@dataclass(frozen=True)
class Expected:
    """Accuracy that a window without drift would show."""

    accuracy: float
    low: float
    """Ends of its 90 % interval."""
    high: float
    rows: int
    """Labelled rows that measured it; 0 where it was measured of an earlier champion."""

    @property
    def half_width(self) -> float:
        """Half of the interval."""
        return (self.high - self.low) / 2


def measured(reference: Judged) -> Expected | None:
    """Return the accuracy on all held-out rows of a reference; None where fewer than MIN_LABELLED are labelled."""
    right = correct(reference)[reference.held_out()]
    return _of(float(right.mean()), len(right)) if len(right) else None


def on_record(metrics: Mapping[str, Any]) -> Expected | None:
    """Return what a champion's metrics on record say; None where fewer than MIN_LABELLED rows are behind them.

    Args:
        metrics: As `lepton.core.metrics.evaluate` makes them; empty where nobody measured it.
    """
    share, rows = metrics.get("accuracy"), metrics.get("n")
    return None if share is None or not rows else _of(float(share), int(rows))


def _of(share: float, rows: int) -> Expected | None:
    if rows < MIN_LABELLED:
        return None
    low, high = wilson(share, rows, Z)
    return Expected(share, low, high, rows)


def carried(earlier: Iterable[Observation]) -> Expected | None:
    """Return what labels said last of a pair, for a champion that nobody measured; None where they never did.

    Args:
        earlier: What was seen of the pair, with whatever champion, oldest first.
    """
    last: Expected | None = None
    for seen in earlier:
        if seen.realised_accuracy is not None and seen.labelled >= MIN_LABELLED:
            low, high = wilson(seen.realised_accuracy, seen.labelled, Z)
            last = Expected(seen.realised_accuracy, low, high, 0)
            continue
        value, low_end, high_end = seen.expected_accuracy, seen.expected_low, seen.expected_high
        if value is not None and low_end is not None and high_end is not None and seen.expected_rows:
            last = Expected(value, low_end, high_end, 0)
        if last is not None and seen.estimated_low is not None and seen.estimated_low < last.low:
            last = Expected(last.accuracy, seen.estimated_low, last.high, 0)
    return last


def tells(accuracy: float, rows: int) -> float:
    """Return the least loss of accuracy that so many labelled rows tell from chance: half of the 90 % interval."""
    low, high = wilson(accuracy, rows, Z)
    return (high - low) / 2


def untold(tolerance: float, found: Expected | None) -> str | None:
    """Return a sentence where a tolerance is finer than what the held-out rows can tell; None where it is not.

    Args:
        tolerance: Loss of accuracy that does not matter, as a share of rows.
        found: What they measured; None: there are too few to measure anything.
    """
    if found is None:
        return f"tolerance {tolerance:g} cannot be told: fewer than {MIN_LABELLED} held-out rows are labelled"
    least = found.half_width if found.rows == 0 else tells(found.accuracy, found.rows)
    if least <= tolerance:
        return None
    rows = f"{found.rows:,} held-out rows" if found.rows else "labels of an earlier champion"
    return f"tolerance {tolerance:g} is below what {rows} can tell ({least:.2f})"
