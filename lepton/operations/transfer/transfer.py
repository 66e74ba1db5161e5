"""Transfer: adapt the best ancestor to a target, cheaply, and let the result serve only if the gate allows it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from lepton.core.work.resume import until_done
from lepton.operations.regime import unanswered_drift
from lepton.operations.session import Session
from lepton.operations.transfer.in_flight import in_flight
from lepton.operations.transfer.interruption import finish_settled
from lepton.operations.transfer.job import TransferJob, ask
from lepton.operations.transfer.trial import adapt, choose_next, describe_plan, settle, take_up
from lepton.operations.transfer.verdict import judge_winner


def transfer(
    session: Session,
    domain: str,
    cause: str = "manual",
    labels_per_class: int | None = None,
    strategies: list[str] | None = None,
    dry_run: bool = False,
    start: str | None = None,
) -> dict[str, Any]:
    """Adapt the best ancestor to `domain` and promote the result if the gate allows it.

    Killed at any moment, the same call again goes on where the first one was: each step's result is kept until the end.

    Args:
        session: The workspace at work.
        domain: The target.
        cause: manual, schedule or drift; drift reads its evidence from the ledger.
        labels_per_class: Exactly so many labelled rows of each class; by default what the workspace says.
        strategies: Strategies to try; by default those of the workspace.
        dry_run: Return the plan and stop.
        start: Where to start: auto, base, champion, or a registered version by name; by default as the workspace says.

    Returns:
        `outcome` is promoted, refused (registered, stays challenger), kept (nothing beat what serves) or not due (an
        event that came twice, or a drift that is over).
    """
    step, pair = session.runtime.step, session.ws.pair(domain)

    def prepare() -> TransferJob:
        run = session.runtime.run.to_json()
        champion = session.find_champion(pair.name)
        job = ask(session, domain, cause, labels_per_class, strategies, run, instead_of=champion, start=start)
        return take_up(session, replace(job, folder="") if dry_run else job)

    if dry_run:
        job = step("prepare", prepare)
        return {
            "outcome": "dry run",
            "plan": step("make plan", lambda: describe_plan(session, job)),
            "job": job.to_json(),
        }
    if done := finish_settled(session, domain, labels_per_class, strategies, start):
        return done
    if cause == "drift" and not unanswered_drift(session, domain):
        return {"outcome": "not due"}
    with in_flight(session, pair.name, cause) as end:
        job = step("prepare", prepare)
        with until_done(Path(job.folder)):
            plan = step("make plan", lambda: describe_plan(session, job))
            candidates: list[dict[str, Any]] = []
            while chosen := choose_next(session, job, plan, candidates):
                candidates.append(step(f"try {chosen['strategy']}", partial(adapt, session, job, chosen)))
            verdict = step("judge", lambda: judge_winner(session, job, plan, candidates))
            done = settle(session, job, plan, candidates, verdict)
            end.update({"story": done["story"]} if "story" in done else {})
            return done
