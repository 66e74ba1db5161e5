"""The work behind the steps of a transfer; each leaves its result in the job's folder and is not done twice."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lepton.core.config.settings import TransferConfig
from lepton.core.errors import LeptonError
from lepton.core.work.faults import reached
from lepton.core.work.resume import once
from lepton.operations.session import Session
from lepton.operations.transfer.job import THREADS, TransferJob, candidate_folder, prepare_job, training_rows
from lepton.operations.transfer.stories import records_of

if TYPE_CHECKING:
    from lepton.transfer.planner import Outcome, Step

Json = dict[str, Any]


def take_up(session: Session, job: TransferJob) -> TransferJob:
    """Return the job with its ancestor, as an interrupted run of the same work chose it, else chosen now."""
    found = once(job.folder, "job", lambda: prepare_job(session, job).to_json())
    reached("transfer.prepared")
    return replace(TransferJob.from_json(found), run=job.run, cause=job.cause, folder=job.folder)


def describe_plan(session: Session, job: TransferJob) -> Json:
    """Return the signals, and every strategy with its expected gain, predicted cost and, if it is out, the reason."""
    plan: Json = once(job.folder, "plan", lambda: _plan(session, job))
    if job.folder and (done := list(candidate_folder(job, "none").parent.glob("*/candidate.json"))):
        possible = sum(not step["out"] for step in plan["steps"])
        session.runtime.tell("Going on from an interrupted run: " + f"{len(done)} of {possible} strategies are done")
    reached("transfer.planned")
    return plan


def config_of(session: Session, job: TransferJob) -> TransferConfig:
    """Return the budgets and strategies of a job."""
    asked = {"strategies": job.strategies, "combine": job.combine}
    return session.ws.config.transfer_for(job.pair.target).model_copy(update=asked)


def _plan(session: Session, job: TransferJob) -> Json:
    from lepton.models.features import FeatureCache
    from lepton.transfer.planner import plan
    from lepton.transfer.signals import measure
    from lepton.transfer.strategy import TargetData

    train, _ = training_rows(session, job)
    ancestor = session.load(job.ancestor).model
    cache = FeatureCache(session.ws.cache_dir / "features")
    signals = measure(ancestor, TargetData.of(ancestor, train, cache, inputs=False))
    known = ancestor.statistics is not None
    records = records_of(session, job.pair.name)
    steps = plan(config_of(session, job), signals, records, statistics=known, size=ancestor.size)
    return {"signals": signals.to_json(), "steps": [step.to_json() for step in steps]}


def choose_next(session: Session, job: TransferJob, plan: Json, candidates: list[Json]) -> Json | None:
    """Return the strategy to try next, None if that is the end."""
    from lepton.transfer.planner import next_step

    serves = session.lineage(job.champion).strategy if job.champion else None
    chosen = next_step(_steps(plan), outcomes(candidates), config_of(session, job), _reached(candidates), serves)
    return chosen.to_json() if chosen else None


def end_of(session: Session, job: TransferJob, plan: Json, candidates: list[Json]) -> str:
    """Say why nothing else was tried."""
    from lepton.transfer.planner import why_stopped

    return why_stopped(_steps(plan), outcomes(candidates), config_of(session, job), _reached(candidates))


def best_first(
    session: Session, job: TransferJob, plan: Json, candidates: list[Json]
) -> list[tuple[str, float, float]]:
    """Return label, expected points of gain and their standard deviation of what was tried, best first."""
    from lepton.transfer.planner import rank

    found = rank(_steps(plan), outcomes(candidates), config_of(session, job))
    return [(label, expected.gain, expected.sd) for label, expected in found]


def adapt(session: Session, job: TransferJob, step: Json) -> Json:
    """Fit one strategy, evaluate it on the held-out rows, and leave the candidate in the job's folder."""
    from lepton.models.features import FeatureCache
    from lepton.transfer import get_strategy
    from lepton.transfer.candidates import Candidate, try_strategy
    from lepton.transfer.planner import Step

    chosen = Step(**step)
    folder = candidate_folder(job, chosen.label)
    with suppress(LeptonError):  # none there, or one that a power cut damaged
        return _described(session, job, chosen, Candidate.load(folder))
    train, held_out = training_rows(session, job)
    tried, most = len(list(folder.parent.glob("*"))), len({"none", *job.strategies})
    session.progress(tried, max(most, tried + 1), chosen.label)
    strategy = get_strategy(chosen.strategy)
    candidate = try_strategy(
        chosen.strategy,
        session.load(job.ancestor).model,
        train,
        held_out,
        seed=job.seed,
        cache=FeatureCache(session.ws.cache_dir / "features"),
        threads=THREADS,
        config=(strategy.shortened(chosen.share) if chosen.share < 1 else strategy).config_json(),
        validate=chosen.validate,
    )
    reached(f"transfer.fitted-{chosen.label}")
    candidate.save(folder)
    reached(f"transfer.kept-{chosen.label}")
    session.progress(tried + 1, max(most, tried + 1), chosen.label)
    return _described(session, job, chosen, candidate)


def settle(session: Session, job: TransferJob, plan: Json, candidates: list[Json], verdict: Json) -> Json:
    """Register the winner and let it serve if the gate passed; if nothing beats what serves, change nothing."""
    from lepton.operations.transfer.settlement import promote_winner

    outcome = {
        "ancestor": job.ancestor.label,
        "considered": job.considered,
        "winner": verdict["winner"],
        "candidates": candidates,
        "plan": plan,
        "stopped": verdict["stopped"],
        "gate": verdict,
        "held_out_rows": verdict["held_out_rows"],
        "champion": job.champion.label if job.champion else None,
        "links": {},
        "next": f"lepton status {job.pair.target}",
    }
    tried = {"signals": plan["signals"], "plan": plan["steps"], "candidates": candidates, "stopped": verdict["stopped"]}
    story = {**tried, "considered": job.considered, "ancestor": job.ancestor.label, "winner": verdict["winner"]}
    if verdict["unchanged"]:  # no row but the last one tells of it
        settled = {"outcome": "kept", "story": {**story, "gate": verdict}}
    else:
        settled = promote_winner(session, job, story, verdict)
    reached("transfer.settled")
    return {**outcome, **settled}


def outcomes(candidates: list[Json]) -> list[Outcome]:
    """Return what the planner sees of candidates."""
    from lepton.transfer.planner import Outcome

    return [
        Outcome(c["strategy"], c["seconds"], c["measured"]["gain"], c["measured"]["sd"], c["share"]) for c in candidates
    ]


def _described(session: Session, job: TransferJob, step: Step, candidate: Any) -> Json:
    """Return a candidate as JSON, with what its answers to rows it had not seen gain over no adaptation."""
    from lepton.transfer.candidates import Candidate
    from lepton.transfer.choice import measured_gain

    train, _ = training_rows(session, job)
    truth = candidate.model.label_indices(train.labelled().labels)
    unadapted = candidate if step.label == "none" else Candidate.load(candidate_folder(job, "none"))
    gain, sd = measured_gain(candidate, unadapted, truth)
    told = {
        "label": step.label,
        "share": step.share,
        "measured": {"gain": gain, "sd": sd},
        "predicted": step.seconds,
        "slowness": step.slowness,
    }
    return {**candidate.to_json(), **told, "expected": {"gain": step.gain, "sd": step.sd}}


def _steps(plan: Json) -> list[Step]:
    from lepton.transfer.planner import Step

    return [Step(**step) for step in plan["steps"]]


def _reached(candidates: list[Json]) -> float | None:
    """Return the best accuracy on labelled rows so far."""
    known = [c["cv"]["accuracy"] for c in candidates if c["cv"]["accuracy"] is not None]
    return max(known, default=None)
