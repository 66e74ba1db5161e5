"""Which alerts are open, who looks after them, and until when their updates are held back: told from the ledger's rows.

A pair has at most one open alert a cause. What is sent, acknowledged and snoozed is a row each, so that any worker, or
person, sees the same after a restart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from lepton.core.config.alerts import SEVERITIES, Severity
from lepton.core.ledger import Action, Entry
from lepton.core.ledger.rows import Acknowledged, Alerted, Snoozed, actions_of

ROWS: tuple[Action, ...] = actions_of(Alerted, Acknowledged, Snoozed)
"""The rows of the ledger that alerts are told from."""


@dataclass(frozen=True)
class Standing:
    """One alert, from its opening to its end."""

    pair: str
    cause: str
    title: str
    """As it was last told."""
    severity: Severity
    opened: datetime
    told: datetime
    """When something was last sent of it, or held back."""
    ended: datetime | None = None
    acknowledged: str | None = None
    """Who looks after it."""
    why: str = ""
    """What that person said."""
    snoozed: datetime | None = None
    """Until when updates are held back."""

    def is_snoozed(self, now: datetime) -> bool:
        """Return whether updates are held back now."""
        return self.snoozed is not None and now < self.snoozed

    def state(self, now: datetime) -> str:
        """Return it in a few words."""
        if self.ended is not None:
            return f"resolved {self.ended:%Y-%m-%d %H:%M}"
        words = [f"acknowledged by {self.acknowledged}"] if self.acknowledged else []
        words += [f"snoozed until {self.snoozed:%Y-%m-%d %H:%M} UTC"] if self.snoozed and self.is_snoozed(now) else []
        return ", ".join(words) or "open"

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return {key: v.isoformat() if isinstance(v, datetime) else v for key, v in asdict(self).items()}


def alerts_of(rows: Sequence[Entry]) -> list[Standing]:
    """Return all alerts that the rows tell of, in the order of opening; those without an end are open.

    Args:
        rows: Those of ROWS, of one pair or of several, in the order of the ledger.
    """
    found: list[Standing] = []
    places: dict[tuple[str, str], int] = {}
    for entry in rows:
        row = entry.row
        if isinstance(row, Alerted):
            _told(found, places, entry, row)
            continue
        for cause in row.causes if isinstance(row, Acknowledged | Snoozed) else ():
            at = places.get((entry.pair, cause))
            if at is None:
                continue
            if isinstance(row, Acknowledged):
                found[at] = replace(found[at], acknowledged=entry.actor, why=row.why)
            elif isinstance(row, Snoozed):
                found[at] = replace(found[at], snoozed=row.until)
    return found


def open_alerts(rows: Sequence[Entry]) -> list[Standing]:
    """Return the alerts that are open; see `alerts_of`."""
    return [one for one in alerts_of(rows) if one.ended is None]


def _told(found: list[Standing], places: dict[tuple[str, str], int], entry: Entry, told: Alerted) -> None:
    key = (entry.pair, told.cause)
    if told.kind == "resolve":
        at = places.pop(key, None)
        if at is not None:
            found[at] = replace(found[at], ended=entry.at, told=entry.at)
    elif key in places:
        one = found[places[key]]
        worst = max(one.severity, told.severity, key=SEVERITIES.index)
        found[places[key]] = replace(one, title=told.title, told=entry.at, severity=worst)
    else:
        places[key] = len(found)
        found.append(Standing(entry.pair, told.cause, told.title, told.severity, entry.at, entry.at))
