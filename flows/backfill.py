"""Backfill: judge for real the windows that nobody judged when they came, as they would have been then."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from prefect import flow

from flows.events import say_drift_confirmed
from flows.monitor import draw, find_targets, find_windows, measure
from flows.regime import observed_before, unanswered_retransfer
from flows.steps import open_ledger, step, workspace
from flows.telling import tell
from flows.windows import delivered_at, judge_window
from lepton.core.alerting import ROWS, open_alerts
from lepton.core.controller import Decision, Kind, Observation
from lepton.core.ledger import DECIDED


@flow(name="backfill", flow_run_name="backfill-{domain}")
def backfill(domain: str, dry_run: bool = False) -> list[dict[str, Any]]:
    """Judge the windows of a target that were missed, each at the time when it came in; tell only what holds now.

    Args:
        domain: A target.
        dry_run: Judge, but record nothing and tell nobody.

    Returns:
        For each window: the observation, the decision and the links.
    """
    find_targets(domain)
    times, judged, state = delivered_at(workspace(), domain), [], None
    for window in find_windows(domain, None):
        judged.append(watch_past(domain, window, times.get(window, datetime.now(UTC)), dry_run, state))
        state = judged[-1]["decision"]["state"] if dry_run else None
    if not dry_run:
        tell_outcome(domain)
        measure(domain)
        draw(domain)
    return judged


@step
def watch_past(domain: str, window: str, past: datetime, dry_run: bool, state: dict[str, Any] | None) -> dict[str, Any]:
    """Judge one window as of the time when it came."""
    return judge_window(workspace(), domain, window, dry_run, state, past)


@step
def tell_outcome(domain: str) -> list[str]:
    """Tell, once, what the last decision leaves open or ended; say the event if a retransfer is due."""
    ws = workspace()
    pair, ledger = ws.pair(domain).name, open_ledger(ws)
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
    tell(ws, domain, seen, found, {})
    asked = unanswered_retransfer(ledger, pair, datetime.now(UTC))
    if asked is not None:
        say_drift_confirmed(pair, domain, seen.to_json(), asked.payload["reason"])
    return [cause for cause, kind in (("drift", found.alert), ("contract", found.breach)) if kind]


def _kind(is_open: bool, is_told: bool) -> Kind | None:
    """Return what is to be said so that what was told fits what holds."""
    if is_open == is_told:
        return None
    return "open" if is_open else "resolve"
