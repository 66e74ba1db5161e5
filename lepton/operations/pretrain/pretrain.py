"""Pretrain: a base model on the labelled source, registered as what every transfer starts from."""

from __future__ import annotations

from pathlib import Path

from lepton.core.work.lock import alone
from lepton.core.work.resume import discard, until_done
from lepton.operations.pretrain.fit import fit_base
from lepton.operations.pretrain.job import prepare_job
from lepton.operations.pretrain.result import PretrainResult
from lepton.operations.pretrain.settlement import finish_settled, settle
from lepton.operations.pretrain.verdict import judge_against_base
from lepton.operations.session import Session


def pretrain(
    session: Session, cause: str = "manual", dry_run: bool = False, fresh: bool = False, go_on: bool = False
) -> PretrainResult:
    """Train a base model on the source, register it, and let it serve if it is not worse than the one before.

    Killed at any moment, the same call again goes on where the first one was.

    Args:
        session: The workspace at work.
        cause: Who or what asked for it: manual or schedule.
        dry_run: Say what would be trained on, and stop.
        fresh: Do not go on from what an interrupted run left.
        go_on: Go on with the base that serves, on the batches it has not seen and some of those it has.

    Raises:
        NothingToLearn: If the source, or a further domain, has no data.
        Busy: If another pretraining is running.
    """
    step, ws, run = session.runtime.step, session.ws, session.runtime.run
    if dry_run:
        job = step("prepare", lambda: prepare_job(session, cause, run, dry_run, go_on))
        return PretrainResult("dry run", job=job)
    with alone(ws, "pretrain", ws.source):
        if fresh:
            discard(ws, "pretrain", ws.source)
        job = step("prepare", lambda: prepare_job(session, cause, run, go_on=go_on))
        with until_done(Path(job.folder)):
            if job.settled:
                return finish_settled(session)
            trained = step("train", lambda: fit_base(session, job))
            verdict = step("judge base", lambda: judge_against_base(session, job, trained))
            return step("promote base", lambda: settle(session, job, trained, verdict))
