"""Transfer: adapt the best ancestor to a target, cheaply, and let the result serve only if the gate allows it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from prefect import flow

from flows.champions import find_champion
from flows.inflight import in_flight
from flows.regime import unanswered_drift
from flows.resume import until_done
from flows.settled import finish_settled
from flows.steps import current_run, step, workspace
from flows.transfer_job import TransferJob, ask
from flows.transfer_judge import judge_winner
from flows.transfer_steps import adapt, choose_next, describe_plan, settle, take_up


@flow(name="transfer", flow_run_name="transfer-{domain}")
def transfer(
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
    run = current_run()
    if dry_run:
        job = prepare(domain, cause, labels_per_class, strategies, run, dry_run, start)
        return {"outcome": "dry run", "plan": make_plan(job), "job": job}
    if done := finish_interrupted(domain, labels_per_class, strategies, start):
        return done
    if cause == "drift" and not drift_is_due(domain):
        return {"outcome": "not due"}
    ws = workspace()
    with in_flight(ws, ws.pair(domain).name, run, cause) as end:
        job = prepare(domain, cause, labels_per_class, strategies, run, start=start)
        with until_done(Path(job["folder"])):
            plan = make_plan(job)
            candidates: list[dict[str, Any]] = []
            while step := choose_next(ws, TransferJob.from_json(job), plan, candidates):
                candidates.append(try_strategy(job, step))
            verdict = judge(job, plan, candidates)
            done = promote_or_keep(job, plan, candidates, verdict)
            end.update({"story": done["story"]} if "story" in done else {})
            return done


def drift_is_due(domain: str) -> bool:
    """Return whether the ledger knows of a confirmed drift that no transfer has answered yet."""
    return unanswered_drift(workspace(), domain)


def finish_interrupted(
    domain: str, labels_per_class: int | None, strategies: list[str] | None, start: str | None = None
) -> dict[str, Any] | None:
    """Return what became of the same work if it was killed after its outcome was on record and before its end was."""
    return finish_settled(workspace(), domain, labels_per_class, strategies, start)


@step
def prepare(
    domain: str,
    cause: str,
    labels_per_class: int | None,
    strategies: list[str] | None,
    run: dict[str, Any],
    dry_run: bool = False,
    start: str | None = None,
) -> dict[str, Any]:
    """Choose the rows and the ancestor; return references to them."""
    ws = workspace()
    champion = find_champion(ws, ws.pair(domain).name)
    job = ask(ws, domain, cause, labels_per_class, strategies, run, instead_of=champion, start=start)
    return take_up(ws, replace(job, folder="") if dry_run else job).to_json()


@step
def make_plan(job: dict[str, Any]) -> dict[str, Any]:
    """Return what cheap signals say, and the strategies with their expected gain and predicted cost."""
    return describe_plan(workspace(), TransferJob.from_json(job))


@step
def try_strategy(job: dict[str, Any], step: dict[str, Any]) -> dict[str, Any]:
    """Adapt with one strategy and evaluate it on the held-out rows; the candidate stays in the job's folder."""
    return adapt(workspace(), TransferJob.from_json(job), step)


@step
def judge(job: dict[str, Any], plan: dict[str, Any], candidates: list[dict[str, Any]]) -> dict[str, Any]:
    """Choose by promise and cross-validation, then judge the choice against all it must not be worse than."""
    return judge_winner(workspace(), TransferJob.from_json(job), plan, candidates)


@step
def promote_or_keep(
    job: dict[str, Any], plan: dict[str, Any], candidates: list[dict[str, Any]], verdict: dict[str, Any]
) -> dict[str, Any]:
    """Register -> verify -> ledger -> alias if the gate passed; otherwise what serves goes on serving."""
    return settle(workspace(), TransferJob.from_json(job), plan, candidates, verdict)
