"""Backfill: judge for real the windows that nobody judged when they came, as they would have been then."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from lepton.core.decisions.memory import Kind
from lepton.operations.events import drift_confirmed
from lepton.operations.monitor.alerts import open_alerts_in, send_alerts
from lepton.operations.monitor.judgement import Judgement
from lepton.operations.monitor.late_labels import hear_labels
from lepton.operations.monitor.monitor import find_targets, judge_window
from lepton.operations.monitor.refusals import refusals_in
from lepton.operations.monitor.results import BackfillResult, WindowJudged
from lepton.operations.monitor.views import draw
from lepton.operations.monitor.watch import Watch
from lepton.operations.regime import unanswered_retransfer
from lepton.operations.session import Session


def backfill(session: Session, domain: str, dry_run: bool = False) -> BackfillResult:
    """Judge the windows of a target that were missed, each at the time when it came in; tell only what holds now.

    Args:
        session: The workspace at work.
        domain: A target.
        dry_run: Judge, but record nothing and tell nobody.

    Raises:
        NotFound: If the target has no champion.
        LeptonError: If a window cannot be judged; those before it are on record.
    """
    find_targets(session, domain)
    watch, step, state = Watch(session, domain), session.runtime.step, None
    times, found = watch.delivered_at(), list[WindowJudged]()
    for name in watch.names():
        came = times.get(name, datetime.now(UTC))
        found.append(step("watch past", partial(judge_window, watch, name, dry_run, state, came)))
        state = found[-1].decision.state if dry_run else None
    if not dry_run:
        step("tell outcome", partial(tell_outcome, watch))
        hear_labels(watch)
        step("draw", partial(draw, watch))
    return BackfillResult(tuple(found), dry_run)


def tell_outcome(watch: Watch) -> list[str]:
    """Tell, once, what the last decision leaves open or ended; say the event if a retransfer is due."""
    session, latest = watch.session, watch.history.latest
    if latest is None:
        return []
    seen, decision = latest
    told = {one.cause for one in open_alerts_in(session, watch.domain)}
    due = replace(
        decision,
        alert=_kind(decision.state.alert_open, "drift" in told),
        # Refused deliveries open the alert of that cause, too; the next accepted one ends it.
        breach=_kind(decision.state.breach_open, "contract" in told and not refusals_in(session, watch.domain).refused),
    )
    send_alerts(session, watch.domain, Judgement(seen, due), {})
    asked = unanswered_retransfer(session.ledger, watch.pair, datetime.now(UTC))
    if asked is not None:
        session.runtime.emit(drift_confirmed(watch.pair, watch.domain, seen, asked.row.decision.reason))
    return [cause for cause, kind in (("drift", due.alert), ("contract", due.breach)) if kind]


def _kind(is_open: bool, is_told: bool) -> Kind | None:
    """Return what is to be said so that what was told fits what holds."""
    if is_open == is_told:
        return None
    return "open" if is_open else "resolve"
