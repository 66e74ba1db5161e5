"""Monitor: judge every new window of a target, record the decision, tell people and the server."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any

from lepton.core.errors import LeptonError, NotFound
from lepton.operations.monitor.late_labels import measure_later
from lepton.operations.monitor.messages import finish_telling, tell_again
from lepton.operations.monitor.series import tidy_reports, update_series
from lepton.operations.monitor.window import judge_window, new_windows
from lepton.operations.session import Session


def monitor(
    session: Session, domain: str | None = None, window: str | None = None, dry_run: bool = False
) -> list[dict[str, Any]]:
    """Judge the windows of one target, or of all, that came after what the champion was adapted to.

    A confirmed drift that costs accuracy is announced as the event `lepton.drift.confirmed`; what starts the
    retransfer is the automation in deploy/prefect.yaml, not a call from here.

    Args:
        session: The workspace at work.
        domain: A target; all of them by default.
        window: Only this batch.
        dry_run: Judge, but record nothing and tell nobody.

    Returns:
        For each window judged: the observation, the decision and the links; or the problem, where it cannot be judged.
    """
    judged: list[dict[str, Any]] = []
    if not dry_run:
        tell_again(session, datetime.now(UTC))
    step = session.runtime.step
    for target in find_targets(session, domain):
        if not dry_run:
            step("tell what was left", partial(finish_telling, session, target, datetime.now(UTC)))
            step("measure", partial(measure_later, session, target))
        state = None
        for batch in new_windows(session, target, window):
            try:
                judged.append(step("watch", partial(judge_window, session, target, batch, dry_run, state)))
            except LeptonError as error:
                # One window that cannot be judged must not blind the monitor for what comes after it.
                judged.append({"domain": target, "window": batch, "problem": error.render()})
                continue
            state = judged[-1]["decision"]["state"] if dry_run else None
        if not dry_run:
            step("draw", partial(draw, session, target))
    return judged


def find_targets(session: Session, domain: str | None) -> list[str]:
    """Return the targets to look at: those that have a champion."""
    targets = session.ws.targets() if domain is None else [session.ws.pair(domain).target]
    serving = [name for name in targets if session.find_champion(session.ws.pair(name).name)]
    if domain is not None and not serving:
        raise NotFound(
            f"No model serves {domain!r} yet, so there is nothing to monitor.",
            why="Drift is measured against the data that the champion was adapted to.",
            fix=[f"lepton transfer {domain}"],
        )
    return serving


def draw(session: Session, domain: str) -> int:
    """Bring dashboard and MLflow up to the ledger, and remove the oldest reports."""
    tidy_reports(session, domain)
    return update_series(session, domain)
