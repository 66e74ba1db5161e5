"""What people do about open alerts: look after them, or hold their updates back for a while."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flows.steps import actor, open_ledger
from lepton.core.alerting import ROWS, Standing, alerts_of, open_alerts
from lepton.core.errors import NotFound
from lepton.core.ledger import ACKNOWLEDGED, SNOOZED
from lepton.core.workspace import Workspace


def alerts_in(ws: Workspace, domain: str | None) -> list[Standing]:
    """Return all alerts of a target, or of all, in the order of opening."""
    pair = ws.pair(domain).name if domain else None
    ledger = open_ledger(ws)
    return alerts_of(ledger.entries(pair, ROWS) if pair else ledger.entries(action=ROWS))


def acknowledge(ws: Workspace, domain: str, why: str, dry_run: bool = False) -> list[Standing]:
    """Put on record that somebody looks after the open alerts of a target; return them.

    Raises:
        NotFound: If none is open.
    """
    found = _open(ws, domain)
    if not dry_run:
        payload = {"causes": [one.cause for one in found], "why": why}
        open_ledger(ws).append(actor(), ws.pair(domain).name, ACKNOWLEDGED, payload)
    return _open(ws, domain)


def snooze(ws: Workspace, domain: str, hours: float, why: str, dry_run: bool = False) -> list[Standing]:
    """Hold back the updates of a target's open alerts for some hours; return them. Their end is told in any case.

    Raises:
        NotFound: If none is open.
    """
    found = _open(ws, domain)
    if not dry_run:
        until = datetime.now(UTC) + timedelta(hours=hours)
        payload = {"causes": [one.cause for one in found], "until": until.isoformat(), "why": why}
        open_ledger(ws).append(actor(), ws.pair(domain).name, SNOOZED, payload)
    return _open(ws, domain)


def _open(ws: Workspace, domain: str) -> list[Standing]:
    pair = ws.pair(domain).name
    found = open_alerts(open_ledger(ws).entries(pair, ROWS))
    if not found:
        raise NotFound(
            f"No alert of {domain!r} is open.",
            why="There is nothing to acknowledge or to snooze.",
            fix=["lepton alerts --all  (lists those that ended, too)"],
        )
    return found
