"""The events through which the loop closes: a verb says them, an automation of the server hears them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from lepton.core.decisions.observation import Observation
from lepton.operations.regime import observed_before, unanswered_retransfer
from lepton.operations.runtime import Event
from lepton.operations.session import Session

DRIFT_CONFIRMED = "lepton.drift.confirmed"
PROPOSED = "lepton.promotion.proposed"
PATIENCE = timedelta(minutes=3)
"""How long a worker may take to start a retransfer before the event is repeated."""


def drift_confirmed(pair: str, domain: str, seen: Observation, reason: str) -> Event:
    """Return the event that asks for a retransfer of a pair."""
    return Event(
        DRIFT_CONFIRMED, pair, {"domain": domain, "window": seen.window, "reason": reason, "scores": dict(seen.scores)}
    )


def proposed(pair: str, domain: str, version: str, gate: str) -> Event:
    """Return the event that a version waits for a person's word."""
    return Event(PROPOSED, pair, {"domain": domain, "version": version, "gate": gate})


def repeat_event(session: Session, domain: str, now: datetime) -> bool:
    """Ask again for a retransfer that nothing answered for a while; return whether it was asked for."""
    pair = session.ws.pair(domain).name
    asked = unanswered_retransfer(session.ledger, pair, now)
    cause = observed_before(session.ledger, asked) if asked else None
    if asked is None or cause is None or now - asked.at <= PATIENCE:
        return False
    session.runtime.emit(drift_confirmed(pair, domain, cause.row.seen, asked.row.decision.reason))
    return True


def retransfers_left(session: Session, domain: str | None) -> list[str]:
    """Return the targets, or the one, whose decided retransfer nobody began, or that was killed before its end."""
    ledger, now = session.ledger, datetime.now(UTC)
    targets = session.ws.targets() if domain is None else [domain]
    return [name for name in targets if unanswered_retransfer(ledger, session.ws.pair(name).name, now)]
