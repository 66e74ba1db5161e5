"""Backfill: judge for real the windows that nobody judged when they came, as they would have been then."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from lepton.core.decisions.alerts import ROWS, open_alerts
from lepton.core.decisions.controller import Decision, Kind, Observation
from lepton.core.ledger import DECIDED
from lepton.operations.events import drift_confirmed
from lepton.operations.monitor.late_labels import measure_later
from lepton.operations.monitor.messages import tell
from lepton.operations.monitor.monitor import draw, find_targets
from lepton.operations.monitor.window import delivered_at, judge_window, new_windows
from lepton.operations.regime import observed_before, unanswered_retransfer
from lepton.operations.session import Session


def backfill(session: Session, domain: str, dry_run: bool = False) -> list[dict[str, Any]]:
    """Judge the windows of a target that were missed, each at the time when it came in; tell only what holds now.

    Args:
        session: The workspace at work.
        domain: A target.
        dry_run: Judge, but record nothing and tell nobody.

    Returns:
        For each window: the observation, the decision and the links.
    """
    find_targets(session, domain)
    step = session.runtime.step
    times, judged, state = delivered_at(session, domain), [], None
    for window in new_windows(session, domain, None):
        came = times.get(window, datetime.now(UTC))
        judged.append(step("watch past", partial(judge_window, session, domain, window, dry_run, state, came)))
        state = judged[-1]["decision"]["state"] if dry_run else None
    if not dry_run:
        step("tell outcome", lambda: tell_outcome(session, domain))
        step("measure", lambda: measure_later(session, domain))
        step("draw", lambda: draw(session, domain))
    return judged


def tell_outcome(session: Session, domain: str) -> list[str]:
    """Tell, once, what the last decision leaves open or ended; say the event if a retransfer is due."""
    pair, ledger = session.ws.pair(domain).name, session.ledger
    last = ledger.last(pair, DECIDED)
    observed = observed_before(ledger, last) if last else None
    if last is None or observed is None:
        return []
    decision, seen = Decision.from_json(last.payload), Observation.from_json(observed.payload)
    standing = {one.cause for one in open_alerts(ledger.entries(pair, ROWS))}
    found = replace(
        decision,
        alert=_kind(decision.state.alert_open, "drift" in standing),
        breach=_kind(decision.state.breach_open, "contract" in standing),
    )
    tell(session, domain, seen, found, {})
    asked = unanswered_retransfer(ledger, pair, datetime.now(UTC))
    if asked is not None:
        session.runtime.emit(drift_confirmed(pair, domain, seen.to_json(), asked.payload["reason"]))
    return [cause for cause, kind in (("drift", found.alert), ("contract", found.breach)) if kind]


def _kind(is_open: bool, is_told: bool) -> Kind | None:
    """Return what is to be said so that what was told fits what holds."""
    if is_open == is_told:
        return None
    return "open" if is_open else "resolve"
