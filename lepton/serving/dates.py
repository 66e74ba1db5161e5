"""A date in a request, split into the parts that the contract keeps; as `lepton.data.dates` does it to a delivery."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from lepton.core.kinds import DatePart
from lepton.core.spelling import BLANKS, MISSING

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_PARTS: dict[DatePart, Callable[[datetime], str | float]] = {
    "weekday": lambda at: WEEKDAYS[at.weekday()],
    "hour": lambda at: at.hour + at.minute / 60,
    "day": lambda at: float(at.day),
    "month": lambda at: float(at.month),
    "year": lambda at: float(at.year),
    "days": lambda at: float((at - datetime(1970, 1, 1)).days),
}


def part_of(value: object, part: DatePart) -> str | float | None:
    """Return a part of a date; None where there is none.

    Args:
        value: `2026-11-29`, with a time and a zone or without. A zone does not count: it is the clock that wrote it.
        part: Which.

    Raises:
        ValueError: If it is no date.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError
    text = value.strip(BLANKS)
    if text in MISSING:
        return None
    return _PARTS[part](datetime.fromisoformat(text).replace(tzinfo=None))


def now() -> str:
    """Return the time as a record has it: UTC, ISO 8601 with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
