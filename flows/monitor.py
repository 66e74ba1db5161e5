"""Monitor: judge every new window of a target, record the decision, tell people and the server."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from prefect import flow

from flows.champions import find_champion
from flows.measured import measure_later
from flows.series import tidy_reports, update_series
from flows.steps import step, workspace
from flows.telling import finish_telling, tell_again
from flows.windows import judge_window, new_windows
from lepton.core.errors import LeptonError, NotFound


@flow(name="monitor", flow_run_name="monitor")
def monitor(domain: str | None = None, window: str | None = None, dry_run: bool = False) -> list[dict[str, Any]]:
    """Judge the windows of one target, or of all, that came after what the champion was adapted to.

    A confirmed drift that costs accuracy is announced as the event `lepton.drift.confirmed`; what starts the
    retransfer is the automation in deploy/prefect.yaml, not a call from here.

    Args:
        domain: A target; all of them by default.
        window: Only this batch.
        dry_run: Judge, but record nothing and tell nobody.

    Returns:
        For each window judged: the observation, the decision and the links; or the problem, where it cannot be judged.
    """
    judged: list[dict[str, Any]] = []
    if not dry_run:
        tell_again(workspace(), datetime.now(UTC))
    for target in find_targets(domain):
        if not dry_run:
            tell_what_was_left(target)
            measure(target)
        state = None
        for batch in find_windows(target, window):
            try:
                judged.append(watch(target, batch, dry_run, state))
            except LeptonError as error:
                # One window that cannot be judged must not blind the monitor for what comes after it.
                judged.append({"domain": target, "window": batch, "problem": error.render()})
                continue
            state = judged[-1]["decision"]["state"] if dry_run else None
        if not dry_run:
            draw(target)
    return judged


def find_targets(domain: str | None) -> list[str]:
    """Return the targets to look at: those that have a champion."""
    ws = workspace()
    targets = ws.targets() if domain is None else [ws.pair(domain).target]
    serving = [name for name in targets if find_champion(ws, ws.pair(name).name)]
    if domain is not None and not serving:
        raise NotFound(
            f"No model serves {domain!r} yet, so there is nothing to monitor.",
            why="Drift is measured against the data that the champion was adapted to.",
            fix=[f"lepton transfer {domain}"],
        )
    return serving


@step
def tell_what_was_left(domain: str) -> list[str]:
    """Send the alert and the event of the last decision if a crash kept them from being sent."""
    return finish_telling(workspace(), domain, datetime.now(UTC))


@step
def measure(domain: str) -> list[dict[str, Any]]:
    """Put on record the accuracy in windows that got labels since they were judged."""
    return measure_later(workspace(), domain)


@step
def draw(domain: str) -> int:
    """Bring dashboard and MLflow up to the ledger, and remove the oldest reports."""
    ws = workspace()
    tidy_reports(ws, domain)
    return update_series(ws, domain)


def find_windows(domain: str, window: str | None) -> list[str]:
    """Return the windows to judge, in order of delivery."""
    return new_windows(workspace(), domain, window)


@step
def watch(domain: str, window: str, dry_run: bool, state: dict[str, Any] | None) -> dict[str, Any]:
    """Judge one window and carry out what the controller decides about it; a dry run hands its state on."""
    return judge_window(workspace(), domain, window, dry_run, state)
