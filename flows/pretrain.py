"""Pretrain: a base model on the labelled source, registered as what every transfer starts from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow

from flows.pretrain_job import finish_settled, fit_base, prepare_job, settle
from flows.pretrain_judge import judge_against_base
from flows.resume import alone, discard, until_done
from flows.steps import current_run, step, workspace


@flow(name="pretrain", flow_run_name="pretrain-{cause}")
def pretrain(cause: str = "manual", dry_run: bool = False, fresh: bool = False, go_on: bool = False) -> dict[str, Any]:
    """Train a base model on the source, register it, and let it serve if it is not worse than the one before.

    Killed at any moment, the same call again goes on where the first one was.

    Args:
        cause: Who or what asked for it: manual or schedule.
        dry_run: Say what would be trained on, and stop.
        fresh: Do not go on from what an interrupted run left.
        go_on: Go on with the base that serves, on the batches it has not seen and some of those it has.

    Returns:
        `outcome` is promoted, refused, or kept (the very model that serves already came out again).
    """
    if dry_run:
        return {**prepare(cause, dry_run, go_on), "outcome": "dry run"}
    ws = workspace()
    with alone(ws, "pretrain", ws.source):
        if fresh:
            discard(ws, "pretrain", ws.source)
        job = prepare(cause, go_on=go_on)
        with until_done(Path(job["folder"])):
            if job["settled"]:
                return finish_settled(ws, job)
            trained = train(job)
            verdict = judge_base(job, trained)
            return promote_base(job, trained, verdict)


@step
def prepare(cause: str, dry_run: bool = False, go_on: bool = False) -> dict[str, Any]:
    """Return what will be trained on: references only."""
    return prepare_job(workspace(), cause, current_run(), dry_run, go_on)


@step
def train(job: dict[str, Any]) -> dict[str, Any]:
    """Train, and leave the model and its figures in the job's folder."""
    return fit_base(workspace(), job)


@step
def judge_base(job: dict[str, Any], trained: dict[str, Any]) -> dict[str, Any]:
    """Return the gate's verdict on the source's held-out rows: the first base passes, a later one must hold its own."""
    return judge_against_base(workspace(), job, trained)


@step
def promote_base(job: dict[str, Any], trained: dict[str, Any], verdict: dict[str, Any]) -> dict[str, Any]:
    """Register the base with its lineage; make it serve if the gate allows it."""
    return settle(workspace(), job, trained, verdict)
