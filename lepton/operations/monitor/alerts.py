"""What people do about open alerts: look after them, or hold their updates back for a while."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from lepton.core.decisions.alerts import ROWS, Standing, alerts_of, open_alerts
from lepton.core.errors import NotFound
from lepton.core.ledger import ACKNOWLEDGED, SNOOZED
from lepton.operations.session import Session


def alerts_in(session: Session, domain: str | None) -> list[Standing]:
    """Return all alerts of a target, or of all, in the order of opening."""
    pair = session.ws.pair(domain).name if domain else None
    ledger = session.ledger
    return alerts_of(ledger.entries(pair, ROWS) if pair else ledger.entries(action=ROWS))


def acknowledge(session: Session, domain: str, why: str, dry_run: bool = False) -> list[Standing]:
    """Put on record that somebody looks after the open alerts of a target; return them.

    Raises:
        NotFound: If none is open.
    """
    found = _open(session, domain)
    if not dry_run:
        payload = {"causes": [one.cause for one in found], "why": why}
        session.ledger.append(session.actor, session.ws.pair(domain).name, ACKNOWLEDGED, payload)
    return _open(session, domain)


def snooze(session: Session, domain: str, hours: float, why: str, dry_run: bool = False) -> list[Standing]:
    """Hold back the updates of a target's open alerts for some hours; return them. Their end is told in any case.

    Raises:
        NotFound: If none is open.
    """
    found = _open(session, domain)
    if not dry_run:
        until = datetime.now(UTC) + timedelta(hours=hours)
        payload = {"causes": [one.cause for one in found], "until": until.isoformat(), "why": why}
        session.ledger.append(session.actor, session.ws.pair(domain).name, SNOOZED, payload)
    return _open(session, domain)


def _open(session: Session, domain: str) -> list[Standing]:
    pair = session.ws.pair(domain).name
    found = open_alerts(session.ledger.entries(pair, ROWS))
    if not found:
        raise NotFound(
            f"No alert of {domain!r} is open.",
            why="There is nothing to acknowledge or to snooze.",
            fix=["lepton alerts --all  (lists those that ended, too)"],
        )
    return found
