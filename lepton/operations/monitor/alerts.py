"""Alerts: told once, whatever crashes; told later where a crash or a channel was in the way; looked after by people."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from lepton.core.config.alerts import SEVERITIES
from lepton.core.decisions.alerts import ROWS, Standing, alerts_of, open_alerts
from lepton.core.decisions.history import history_of
from lepton.core.decisions.observation import Observation
from lepton.core.errors import NotFound
from lepton.core.ledger.rows import Acknowledged, Alerted, Channel, Decided, Snoozed
from lepton.core.work.faults import reached
from lepton.operations.events import repeat_event
from lepton.operations.monitor.judgement import Judgement
from lepton.operations.session import Session

if TYPE_CHECKING:
    from lepton.monitoring.alerts import Alert
    from lepton.monitoring.messages import Surroundings
    from lepton.operations.monitor.watch import Watch


def send_alerts(session: Session, domain: str, found: Judgement, links: dict[str, str]) -> None:
    """Send the alerts that a decision asks for, that are not out yet, and record on which channels each went out.

    Args:
        session: The workspace at work.
        domain: A target.
        found: Its last window, and the decision about it, which is on record.
        links: Where to look closer.
    """
    from lepton.monitoring.messages import compose

    ledger, pair = session.ledger, session.ws.pair(domain).name
    decided = ledger.last_row(pair, Decided)
    since = decided.seq if decided else 0
    out = {entry.row.cause for entry in ledger.rows(pair, Alerted, after=since)}
    around = surroundings(session, found.observation, found.decision.state.since, links)
    for alert in compose(found.observation, found.decision, domain, around):
        if alert.cause not in out:
            send_one(session, domain, alert)


def send_one(session: Session, domain: str, alert: Alert) -> None:
    """Send an alert to whom it concerns, unless it is an update that is held back, and record what became of it."""
    from lepton.monitoring.alerts import send
    from lepton.monitoring.outbox import forget, keep_unsent

    pair = session.ws.pair(domain).name
    before = next((one for one in open_alerts_in(session, domain) if one.cause == alert.cause), None)
    held = _held(before, session.ws.config.alerts.update_minutes) if alert.kind == "update" and before else None
    # What got worse is told at once; so is every update that is critical, of a drift: refusals may come by the minute.
    worse = before is not None and SEVERITIES.index(alert.severity) > SEVERITIES.index(before.severity)
    urgent = worse or (alert.severity == "critical" and alert.cause == "drift")
    held = None if held == "throttled" and urgent else held
    # Who heard of the beginning hears of the end.
    heard = max(alert.severity, before.severity if before else "info", key=SEVERITIES.index)
    if alert.kind == "resolve":
        forget(session.ws.outbox_dir, pair, alert.cause)
    urls = () if held else session.ws.config.alerts.channels(domain, heard)
    sent = [] if held else send(alert, urls, session.ws.alerts_file)
    reached("monitor.alert-sent")
    keep_unsent(session.ws.outbox_dir, alert, urls, sent[1:], datetime.now(UTC))
    channels = tuple(Channel(delivery.channel, delivery.ok, delivery.detail) for delivery in sent)
    told = Alerted(alert.kind, alert.title, alert.cause, alert.severity, channels, held)
    session.ledger.record(session.actor, pair, told)
    reached("monitor.alert-recorded")


def surroundings(
    session: Session, seen: Observation | None = None, since: str | None = None, links: Mapping[str, str] | None = None
) -> Surroundings:
    """Return what a message says beside its window: where it comes from, when the drift began, what was last measured.

    Args:
        session: The workspace at work.
        seen: The window; None where there is none.
        since: The first window of the drift.
        links: Where to look closer; the window's report is added.
    """
    from lepton.monitoring.messages import Surroundings

    found = {name: link(session, place) for name, place in (links or {}).items()}
    where = (socket.gethostname(), str(session.ws.root))
    if seen is None:
        return Surroundings(*where, links=found)
    if seen.report:
        found["report"] = link(session, seen.report)
    records = [one.observation for one in history_of(session.ledger, seen.pair).records.values()]
    begun = next((one.time for one in records if one.window == since), None)
    measured = [one for one in records if one.realised_accuracy is not None]
    return Surroundings(*where, begun, max(measured, key=lambda one: one.time, default=None), found)


def link(session: Session, place: str) -> str:
    """Return a link that opens where people read it, if the configuration says where that is.

    Args:
        session: The workspace at work.
        place: A path or file URL; one in the workspace is reached below `alerts.base_url`, others stay as they are.
    """
    base, path = session.ws.config.alerts.base_url, Path(place.removeprefix("file://"))
    if base is None or not path.is_relative_to(session.ws.root):
        return place
    return f"{base.rstrip('/')}/{quote(path.relative_to(session.ws.root).as_posix())}"


def _held(before: Standing, minutes: float) -> str | None:
    """Return why an update of an open alert is not sent; None if it is."""
    now = datetime.now(UTC)
    if before.is_snoozed(now):
        return "snoozed"
    return "throttled" if now < before.told + timedelta(minutes=minutes) else None


def send_waiting(session: Session, now: datetime) -> int:
    """Send again what a channel did not take, where it is time; return how many alerts went out."""
    from lepton.monitoring.outbox import send_again

    return sum(delivery.ok for delivery in send_again(session.ws.outbox_dir, session.ws.config.alerts.everyone, now))


def tell_what_was_left(watch: Watch, now: datetime) -> list[str]:
    """Tell what a crash kept from being told after the last decision; return what was told: `alert`, `event`.

    The event is repeated only if nothing started for a while: the worker needs its seconds to begin.
    """
    session, history, told = watch.session, watch.history, list[str]()
    if history.latest is None:
        return told
    seen, decision = history.latest
    wanted = sum(kind is not None for kind in (decision.alert, decision.breach))
    if len(session.ledger.rows(watch.pair, Alerted, after=history.decided_row)) < wanted:
        send_alerts(session, watch.domain, Judgement(seen, decision), {})
        told.append("alert")
    if repeat_event(session, watch.domain, now):
        told.append("event")
    reached("monitor.caught-up")
    return told


def alerts_in(session: Session, domain: str | None) -> list[Standing]:
    """Return all alerts of a target, or of all, in the order of opening."""
    return alerts_of(session.ledger.entries(session.ws.pair(domain).name if domain else None, ROWS))


def open_alerts_in(session: Session, domain: str) -> list[Standing]:
    """Return the alerts of a target that are open."""
    return open_alerts(session.ledger.entries(session.ws.pair(domain).name, ROWS))


def acknowledge(session: Session, domain: str, why: str, dry_run: bool = False) -> list[Standing]:
    """Put on record that somebody looks after the open alerts of a target; return them.

    Raises:
        NotFound: If none is open.
    """
    found = _open(session, domain)
    if not dry_run:
        seen = Acknowledged(tuple(one.cause for one in found), why)
        session.ledger.record(session.actor, session.ws.pair(domain).name, seen)
    return _open(session, domain)


def snooze(session: Session, domain: str, hours: float, why: str, dry_run: bool = False) -> list[Standing]:
    """Hold back the updates of a target's open alerts for some hours; return them. Their end is told in any case.

    Raises:
        NotFound: If none is open.
    """
    found = _open(session, domain)
    if not dry_run:
        until = datetime.now(UTC) + timedelta(hours=hours)
        held = Snoozed(tuple(one.cause for one in found), until, why)
        session.ledger.record(session.actor, session.ws.pair(domain).name, held)
    return _open(session, domain)


def _open(session: Session, domain: str) -> list[Standing]:
    found = open_alerts_in(session, domain)
    if not found:
        raise NotFound(
            f"No alert of {domain!r} is open.",
            why="There is nothing to acknowledge or to snooze.",
            fix=["lepton alerts --all  (lists those that ended, too)"],
        )
    return found
