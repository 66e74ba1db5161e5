"""Work that is done by the clock: when it ran last, when it is due, and whether it is late. No clock, no I/O."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from lepton.core.decisions.vigil import Look


@dataclass(frozen=True)
class Job:
    """What a server says of one scheduled job."""

    name: str
    """`monitor` or `retrain`."""
    active: bool
    """Whether its schedule is on."""
    last: datetime | None = None
    """When the last run that has ended began; None if none has."""
    ok: bool = True
    """Whether that one ended well."""
    next: datetime | None = None
    """When the first run that has not begun is due, which may be past; None if none is planned."""
    running: datetime | None = None
    """Since when one runs; None if none does."""

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return {name: v.isoformat() if isinstance(v, datetime) else v for name, v in asdict(self).items()}

    def in_words(self, now: datetime) -> str:
        """Return a line for a person: last, next, running."""
        ran = f"last {_moment(self.last, now)}{'' if self.ok else ' FAILED'}" if self.last else "has not run yet"
        runs = f", runs since {_moment(self.running, now)}" if self.running else ""
        due = f"next {_moment(self.next, now)}" if self.next else "nothing planned"
        return f"{ran}{runs}, {due if self.active else 'schedule off'}"


def lateness(job: Job, now: datetime, grace: timedelta, since: datetime) -> str | None:
    """Return in words why a job is overdue; None if it is not.

    Args:
        job: The job.
        now: The time.
        grace: How late it may start.
        since: When the server was started: one that has just begun may still be planning.
    """
    if not job.active:
        return None
    if job.next is None:
        return None if now - since <= grace else "its schedule is on, but the server has planned no run"
    if now - max(job.next, since) <= grace:  # what was due while all was down is caught up on
        return None
    return f"it should have started at {_moment(job.next, now)} UTC"


def look_at(job: Job, now: datetime, grace: timedelta, since: datetime) -> list[Look]:
    """Return what there is to see of a job: whether it is overdue, and whether its last run failed.

    There is nothing to wait for: `grace` was the waiting.
    """
    late = lateness(job, now, grace, since)
    looks = [Look(job.name, "overdue", late is None, late or "", sure=True)]
    if job.last is not None:
        failed = "" if job.ok else f"its run of {_moment(job.last, now)} UTC failed"
        looks.append(Look(job.name, "failed", job.ok, failed, sure=True))
    return looks


def _moment(time: datetime, now: datetime) -> str:
    """Return a time as short as is clear: without the date where it is today's."""
    return f"{time:%H:%M}" if time.date() == now.date() else f"{time:%Y-%m-%d %H:%M}"
