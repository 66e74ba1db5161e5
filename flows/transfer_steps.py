"""The work behind the steps of a transfer; each leaves its result in the job's folder and is not done twice."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

from flows.champions import load_version
from flows.resume import once, say_going_on
from flows.steps import open_ledger, progress
from flows.transfer_job import THREADS, TransferJob, candidate_folder, prepare_job, training_rows
from lepton.core.errors import LeptonError
from lepton.core.faults import reached
from lepton.core.gate import GatePolicy
from lepton.core.gate import judge as judge_answers
from lepton.core.workspace import Workspace
from lepton.registry.standing import key_of, recalled


def take_up(ws: Workspace, job: TransferJob) -> TransferJob:
    """Return the job with its ancestor, as an interrupted run of the same work chose it, else chosen now."""
    found = once(job.folder, "job", lambda: prepare_job(ws, job).to_json())
    reached("transfer.prepared")
    return replace(TransferJob.from_json(found), run=job.run, cause=job.cause, folder=job.folder)


def describe_plan(ws: Workspace, job: TransferJob) -> list[dict[str, Any]]:
    """Return each strategy with its predicted cost and, where it is left out, the reason."""
    plan: list[dict[str, Any]] = once(job.folder, "plan", lambda: _plan(ws, job))
    tried = [entry["strategy"] for entry in plan if not entry["skipped"]]
    if job.folder and (done := [name for name in tried if candidate_folder(job, name).exists()]):
        say_going_on(f"{len(done)} of {len(tried)} strategies are done")
    reached("transfer.planned")
    return plan


def _plan(ws: Workspace, job: TransferJob) -> list[dict[str, Any]]:
    from lepton.transfer.planner import plan

    train, _ = training_rows(ws, job)
    config = ws.config.transfer_for(job.pair.target).model_copy(update={"strategies": job.strategies})
    labels, kind = len(train.labelled()), ws.config.kind
    steps = plan(config, labels=labels, rows=len(train), kind=kind, costs=_costs(ws, job))
    return [{"strategy": s.strategy, "seconds": s.seconds, "skipped": "" if s.run else s.reason} for s in steps]


def adapt(ws: Workspace, job: TransferJob, strategy: str) -> dict[str, Any]:
    """Fit one strategy, evaluate it on the held-out rows, and leave the candidate in the job's folder."""
    from lepton.models.features import FeatureCache
    from lepton.transfer.candidates import Candidate, try_strategy

    with suppress(LeptonError):  # none there, or one that a power cut damaged
        return Candidate.load(candidate_folder(job, strategy)).to_json()
    train, held_out = training_rows(ws, job)
    done = job.strategies.index(strategy) if strategy in job.strategies else 0
    progress()(done, len(job.strategies), strategy)
    candidate = try_strategy(
        strategy,
        load_version(ws, job.ancestor).model,
        train,
        held_out,
        seed=job.seed,
        cache=FeatureCache(ws.cache_dir / "features"),
        threads=THREADS,
    )
    reached(f"transfer.fitted-{strategy}")
    candidate.save(candidate_folder(job, strategy))
    reached(f"transfer.kept-{strategy}")
    progress()(done + 1, len(job.strategies), strategy)
    return candidate.to_json()


def judge_winner(ws: Workspace, job: TransferJob, candidates: list[dict[str, Any]]) -> dict[str, Any]:
    """Choose by cross-validation on the training rows, then test the choice on the held-out rows."""
    verdict: dict[str, Any] = once(job.folder, "verdict", lambda: _judge(ws, job, candidates))
    reached("transfer.judged")
    return verdict


def _judge(ws: Workspace, job: TransferJob, candidates: list[dict[str, Any]]) -> dict[str, Any]:
    from lepton.transfer.candidates import Candidate, choose
    from lepton.transfer.control import target_only

    train, held_out = training_rows(ws, job)
    winner = choose([Candidate.load(candidate_folder(job, c["strategy"])) for c in candidates])
    config = ws.config.transfer_for(job.pair.target)
    policy = GatePolicy(margin=config.margin, min_rows=config.min_held_out)
    truth = winner.model.label_indices(held_out.labels)
    answers = winner.probabilities.argmax(axis=1)
    base = load_version(ws, job.base).model
    # What is the very same model needs no test: it cannot be worse than itself. What is recalled sets no standard.
    rivals = {"base": base}
    if job.champion is not None and key_of(job.champion.to_json()) not in recalled(open_ledger(ws)):
        rivals["champion"] = load_version(ws, job.champion).model
    same = [name for name, model in rivals.items() if model.digest() == winner.model.digest()]
    rivals = {name: model for name, model in rivals.items() if name not in same}
    replies = (
        {name: model.predict_proba(held_out).argmax(axis=1) for name, model in rivals.items()} if len(truth) else {}
    )
    control, controls = None, {}
    if len(train.labelled()) and len(truth):
        control = target_only(train, held_out, base, seed=job.seed)
        controls = {"target-only control": control.probabilities.argmax(axis=1)}
    size = winner.size / max(sum(t.numel() * t.element_size() for t in base.state_dict().values()), 1)
    classes = winner.model.classes
    verdict = judge_answers(truth, answers, replies, policy, controls=controls, classes=classes, size_ratio=size)
    return {
        **verdict.to_json(),
        "summary": verdict.summary(),
        "winner": winner.strategy,
        "unchanged": "champion" in same,
        "held_out_rows": len(held_out),
        "control": control.method if control else None,
    }


def settle(
    ws: Workspace,
    job: TransferJob,
    plan: list[dict[str, Any]],
    candidates: list[dict[str, Any]],
    verdict: dict[str, Any],
) -> dict[str, Any]:
    """Register the winner and let it serve if the gate passed; if nothing beats what serves, change nothing."""
    from flows.promote import promote_winner

    outcome = {
        "ancestor": job.ancestor.label,
        "winner": verdict["winner"],
        "candidates": candidates,
        "plan": plan,
        "gate": verdict,
        "held_out_rows": verdict["held_out_rows"],
        "champion": job.champion.label if job.champion else None,
        "links": {},
        "next": f"lepton status {job.pair.target}",
    }
    settled = {"outcome": "kept"} if verdict["unchanged"] else promote_winner(ws, job, candidates, verdict)
    reached("transfer.settled")
    return {**outcome, **settled}


def _costs(ws: Workspace, job: TransferJob) -> dict[str, float]:
    """Return the seconds that each strategy took in the pair's last transfer."""
    last = open_ledger(ws).last(job.pair.name, ["promoted", "refused"])
    return dict((last.payload.get("evidence") or last.payload).get("seconds", {})) if last else {}
