"""What people and the server hear of a decision: once, whatever crashes; what was left untold is told later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from lepton.core.config.settings import SEVERITIES
from lepton.core.decisions.alerts import ROWS, Standing, open_alerts
from lepton.core.decisions.controller import Decision, Observation
from lepton.core.ledger import ALERTED, DECIDED
from lepton.core.work.faults import reached
from lepton.operations.events import drift_confirmed
from lepton.operations.regime import observed_before, unanswered_retransfer
from lepton.operations.session import Session

PATIENCE = timedelta(minutes=3)
"""How long a worker may take to start a retransfer before the event is repeated."""


def tell(session: Session, domain: str, seen: Observation, decision: Decision, links: dict[str, str]) -> None:
    """Send the alerts that the decision asks for, that are not out yet, and record on which channels each went out."""
    from lepton.monitoring.alerts import compose, send
    from lepton.monitoring.outbox import forget, keep_unsent

    ledger, pair = session.ledger, session.ws.pair(domain).name
    decided = ledger.last(pair, DECIDED)
    since = decided.seq if decided else 0
    out = {row.payload.get("cause", "drift") for row in ledger.entries(pair, ALERTED, after=since)}
    standing = {one.cause: one for one in open_alerts(ledger.entries(pair, ROWS))}
    for alert in compose(seen, decision, domain, links):
        if alert.cause in out:
            continue
        before = standing.get(alert.cause)
        held = _held(before, session.ws.config.alerts.update_minutes) if alert.kind == "update" and before else None
        held = None if held == "throttled" and alert.severity == "critical" else held
        # Who heard of the beginning hears of the end.
        heard = max(alert.severity, before.severity if before else "info", key=SEVERITIES.index)
        if alert.kind == "resolve":
            forget(session.ws.outbox_dir, pair, alert.cause)
        urls = () if held else session.ws.config.alerts.channels(domain, heard)
        sent = [] if held else send(alert, urls, session.ws.alerts_file)
        reached("monitor.alert-sent")
        channels = [{"channel": d.channel, "ok": d.ok, "detail": d.detail} for d in sent]
        told: dict[str, Any] = {"kind": alert.kind, "cause": alert.cause, "severity": alert.severity}
        told |= {"title": alert.title, "channels": channels, **({"held": held} if held else {})}
        keep_unsent(session.ws.outbox_dir, alert, urls, sent[1:], datetime.now(UTC))
        ledger.append(session.actor, pair, ALERTED, told)
        reached("monitor.alert-recorded")


def _held(before: Standing, minutes: float) -> str | None:
    """Return why an update of an open alert is not sent; None if it is."""
    now = datetime.now(UTC)
    if before.is_snoozed(now):
        return "snoozed"
    return "throttled" if now < before.told + timedelta(minutes=minutes) else None


def tell_again(session: Session, now: datetime) -> int:
    """Send again what a channel did not take, where it is time; return how many alerts went out."""
    from lepton.monitoring.outbox import send_again

    return sum(delivery.ok for delivery in send_again(session.ws.outbox_dir, session.ws.config.alerts.everyone, now))


def retransfers_left(session: Session, domain: str | None) -> list[str]:
    """Return the targets, or the one, whose decided retransfer nobody began, or that was killed before its end."""
    ledger, now = session.ledger, datetime.now(UTC)
    targets = session.ws.targets() if domain is None else [domain]
    return [name for name in targets if unanswered_retransfer(ledger, session.ws.pair(name).name, now)]


def finish_telling(session: Session, domain: str, now: datetime) -> list[str]:
    """Tell what a crash kept from being told after the last decision; return what was told.

    The event is repeated only if nothing started for a while: the worker needs its seconds to begin.
    """
    pair, ledger = session.ws.pair(domain), session.ledger
    last = ledger.last(pair.name, DECIDED)
    observed = observed_before(ledger, last) if last else None
    if last is None or observed is None:
        return []
    decision = Decision.from_json(last.payload)
    seen = Observation.from_json(observed.payload)
    told = []
    wanted = sum(kind is not None for kind in (decision.alert, decision.breach))
    if len(ledger.entries(pair.name, ALERTED, after=last.seq)) < wanted:
        tell(session, domain, seen, decision, {})
        told.append("alert")
    asked = unanswered_retransfer(ledger, pair.name, now)
    cause = observed_before(ledger, asked) if asked else None
    if asked and cause and now - asked.at > PATIENCE:
        session.runtime.emit(drift_confirmed(pair.name, domain, cause.payload, asked.payload["reason"]))
        told.append("event")
    reached("monitor.caught-up")
    return told
