"""The work behind the steps of a transfer; each leaves its result in the job's folder and is not done twice."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flows.champions import load_version
from flows.records import lineage_of_model
from flows.remembered import records_of
from flows.resume import once, say_going_on
from flows.steps import progress
from flows.transfer_job import THREADS, TransferJob, candidate_folder, prepare_job, training_rows
from lepton.core.config import TransferConfig
from lepton.core.errors import LeptonError
from lepton.core.faults import reached
from lepton.core.workspace import Workspace

if TYPE_CHECKING:
    from lepton.transfer.planner import Outcome, Step

Json = dict[str, Any]


def take_up(ws: Workspace, job: TransferJob) -> TransferJob:
    """Return the job with its ancestor, as an interrupted run of the same work chose it, else chosen now."""
    found = once(job.folder, "job", lambda: prepare_job(ws, job).to_json())
    reached("transfer.prepared")
    return replace(TransferJob.from_json(found), run=job.run, cause=job.cause, folder=job.folder)


def describe_plan(ws: Workspace, job: TransferJob) -> Json:
    """Return the signals, and every strategy with its expected gain, predicted cost and, if it is out, the reason."""
    plan: Json = once(job.folder, "plan", lambda: _plan(ws, job))
    if job.folder and (done := list(candidate_folder(job, "none").parent.glob("*/candidate.json"))):
        possible = sum(not step["out"] for step in plan["steps"])
        say_going_on(f"{len(done)} of {possible} strategies are done")
    reached("transfer.planned")
    return plan


def config_of(ws: Workspace, job: TransferJob) -> TransferConfig:
    """Return the budgets and strategies of a job."""
    asked = {"strategies": job.strategies, "combine": job.combine}
    return ws.config.transfer_for(job.pair.target).model_copy(update=asked)


def _plan(ws: Workspace, job: TransferJob) -> Json:
    from lepton.models.features import FeatureCache
    from lepton.transfer.planner import plan
    from lepton.transfer.signals import measure
    from lepton.transfer.strategy import TargetData

    train, _ = training_rows(ws, job)
    ancestor = load_version(ws, job.ancestor).model
    cache = FeatureCache(ws.cache_dir / "features")
    signals = measure(ancestor, TargetData.of(ancestor, train, cache, inputs=False))
    known = ancestor.statistics is not None
    records = records_of(ws, job.pair.name)
    steps = plan(config_of(ws, job), signals, records, statistics=known, size=ancestor.size)
    return {"signals": signals.to_json(), "steps": [step.to_json() for step in steps]}


def choose_next(ws: Workspace, job: TransferJob, plan: Json, candidates: list[Json]) -> Json | None:
    """Return the strategy to try next, None if that is the end."""
    from lepton.transfer.planner import next_step

    serves = lineage_of_model(ws, job.champion).strategy if job.champion else None
    chosen = next_step(_steps(plan), outcomes(candidates), config_of(ws, job), _reached(candidates), serves)
    return chosen.to_json() if chosen else None


def end_of(ws: Workspace, job: TransferJob, plan: Json, candidates: list[Json]) -> str:
    """Say why nothing else was tried."""
    from lepton.transfer.planner import why_stopped

    return why_stopped(_steps(plan), outcomes(candidates), config_of(ws, job), _reached(candidates))


def best_first(ws: Workspace, job: TransferJob, plan: Json, candidates: list[Json]) -> list[tuple[str, float, float]]:
    """Return label, expected points of gain and their standard deviation of what was tried, best first."""
    from lepton.transfer.planner import rank

    found = rank(_steps(plan), outcomes(candidates), config_of(ws, job))
    return [(label, expected.gain, expected.sd) for label, expected in found]


def adapt(ws: Workspace, job: TransferJob, step: Json) -> Json:
    """Fit one strategy, evaluate it on the held-out rows, and leave the candidate in the job's folder."""
    from lepton.models.features import FeatureCache
    from lepton.transfer import get_strategy
    from lepton.transfer.candidates import Candidate, try_strategy
    from lepton.transfer.planner import Step

    chosen = Step(**step)
    folder = candidate_folder(job, chosen.label)
    with suppress(LeptonError):  # none there, or one that a power cut damaged
        return _described(ws, job, chosen, Candidate.load(folder))
    train, held_out = training_rows(ws, job)
    tried, most = len(list(folder.parent.glob("*"))), len({"none", *job.strategies})
    progress()(tried, max(most, tried + 1), chosen.label)
    strategy = get_strategy(chosen.strategy)
    candidate = try_strategy(
        chosen.strategy,
        load_version(ws, job.ancestor).model,
        train,
        held_out,
        seed=job.seed,
        cache=FeatureCache(ws.cache_dir / "features"),
        threads=THREADS,
        config=(strategy.shortened(chosen.share) if chosen.share < 1 else strategy).config_json(),
        validate=chosen.validate,
    )
    reached(f"transfer.fitted-{chosen.label}")
    candidate.save(folder)
    reached(f"transfer.kept-{chosen.label}")
    progress()(tried + 1, max(most, tried + 1), chosen.label)
    return _described(ws, job, chosen, candidate)


def settle(ws: Workspace, job: TransferJob, plan: Json, candidates: list[Json], verdict: Json) -> Json:
    """Register the winner and let it serve if the gate passed; if nothing beats what serves, change nothing."""
    from flows.promote import promote_winner

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
        settled = promote_winner(ws, job, story, verdict)
    reached("transfer.settled")
    return {**outcome, **settled}


def outcomes(candidates: list[Json]) -> list[Outcome]:
    """Return what the planner sees of candidates."""
    from lepton.transfer.planner import Outcome

    return [
        Outcome(c["strategy"], c["seconds"], c["measured"]["gain"], c["measured"]["sd"], c["share"]) for c in candidates
    ]


def _described(ws: Workspace, job: TransferJob, step: Step, candidate: Any) -> Json:
    """Return a candidate as JSON, with what its answers to rows it had not seen gain over no adaptation."""
    from lepton.transfer.candidates import Candidate
    from lepton.transfer.choice import measured_gain

    train, _ = training_rows(ws, job)
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
