"""What one window of the monitor is: a batch, some batches with enough rows together, or those of a span of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Arrived:
    """A batch that nobody judged yet."""

    name: str
    rows: int
    time: datetime
    """When it was taken in."""


def group(
    batches: Sequence[Arrived], rows: int | None, hours: float | None, now: datetime
) -> dict[str, tuple[str, ...]]:
    """Return the windows that are complete, each under the name of its first batch, in order; batches are never split.

    Args:
        batches: In order of delivery.
        rows: A window holds at least so many rows, and is complete with them.
        hours: A window holds what came within the same span, counted from 1970; it is complete when the span is over.
            Clocks may go backwards: a batch belongs to the span of the latest one before it at the earliest.
        now: The time.

    Raises:
        ValueError: If both are given.
    """
    if rows is not None and hours is not None:
        raise ValueError("a window is made by rows or by hours, not by both")
    if rows is None and hours is None:
        return {batch.name: (batch.name,) for batch in batches}
    found: list[tuple[str, ...]] = []
    open_window: list[Arrived] = []
    latest = EPOCH
    for batch in batches:
        latest, before = max(latest, batch.time), latest
        if hours is not None and open_window and _span(latest, hours) != _span(before, hours):
            found.append(tuple(one.name for one in open_window))
            open_window = []
        open_window.append(batch)
        if rows is not None and sum(one.rows for one in open_window) >= rows:
            found.append(tuple(one.name for one in open_window))
            open_window = []
    if hours is not None and open_window and _span(now, hours) > _span(latest, hours):
        found.append(tuple(one.name for one in open_window))
    return {names[0]: names for names in found}


def _span(time: datetime, hours: float) -> int:
    return int((time - EPOCH) / timedelta(hours=hours))
