"""The work behind the steps of pretraining; each leaves its result in the job's folder and is not done twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lepton import __version__
from lepton.core.config.settings import PretrainConfig
from lepton.core.errors import LeptonError, NotFound
from lepton.core.ledger import PROMOTED, REFUSED, ROLLED_BACK
from lepton.core.refs import DataRef, ModelRef
from lepton.core.work.faults import reached
from lepton.core.work.files import atomic_dir, digest
from lepton.core.work.resume import KEY, folder_of, once, result_of
from lepton.operations.pretrain.training import (
    continued,
    further_domains,
    new_rows,
    pretrained,
    rows_of_base,
    rows_of_continued,
    settings_of,
    source_classes,
)
from lepton.operations.regime import recalled_batches
from lepton.operations.registration import Registration, register_model
from lepton.operations.runtime import Run
from lepton.operations.session import ROWS, Session, rows_of

if TYPE_CHECKING:
    from lepton.pretraining.objective import Stage

CONTINUED = "continued"
"""Strategy of a base that goes on from the one before, and the key of the settings that say how."""
MOVES = (PROMOTED, ROLLED_BACK, REFUSED)
"""After one of these rows of the source, training again is new work, not the same after a crash."""


def prepare_job(
    session: Session, cause: str, run: dict[str, Any], dry_run: bool = False, go_on: bool = False
) -> dict[str, Any]:
    """Return what will be trained on, and the folder and key of the work.

    `settled` is whether an interrupted run of the very same work had already put its outcome on record; `continues` the
    base that is gone on with and the batches that it has not seen, None where a new one is trained.

    Raises:
        NotFound: If the source has no batch, or none that is not recalled.
    """
    from lepton.data.store import batches
    from lepton.data.versions import data_ref

    poisoned = recalled_batches(session, session.ws.source)
    chosen = [batch for batch in batches(session.ws, session.ws.source) if batch not in poisoned]
    if not chosen:
        raise NotFound(
            f"The source domain {session.ws.source!r} has no data {'that is not recalled' if poisoned else 'yet'}.",
            why="; ".join(f"{batch}: {why}" for batch, why in poisoned.items()) or "The base model is trained on it.",
            fix=[f"lepton ingest {session.ws.source} FILE"],
        )
    data, others = data_ref(session.ws, session.ws.source, chosen), {} if go_on else further_domains(session)
    continues = _continues(session, chosen) if go_on else None
    asked: dict[str, Any] = {"cause": cause, "run": run, "data": data.to_json()}
    asked |= {"others": {name: ref.to_json() for name, ref in others.items()}, "continues": continues}
    last = session.ledger.last(session.ws.source, MOVES)
    if last is not None and (left := _settled(session, asked, ModelRef.from_json(last.payload["model"]))) is not None:
        return {**asked, **left, "settled": True}
    serving = session.ledger.last(session.ws.source, (PROMOTED, ROLLED_BACK))
    after = last.seq if last else 0
    key = _key(session, asked, after)
    job: dict[str, Any] = {
        "key": key,
        "after": after,
        "serving": serving.seq if serving else 0,
        "settings": settings_of(session),
        "seed": session.ws.config.seed,
        "folder": str(folder_of(session.ws, "pretrain", session.ws.source, key)),
    }
    if not dry_run:
        once(job["folder"], "job", lambda: job)
        reached("pretrain.prepared")
    return {**asked, **job, "settled": False}


def _continues(session: Session, chosen: list[str]) -> dict[str, Any]:
    """Return the base that serves and the batches that it has not seen.

    Raises:
        NotFound: If there is no base.
        LeptonError: If it has seen them all, or knows other classes than the source has now.
    """
    base = session.sound_base()
    seen = set(session.lineage(base).data["train"].batches)
    new = [batch for batch in chosen if batch not in seen]
    if not new:
        raise LeptonError(
            f"There is nothing new to go on with: {base.label} has seen every batch of {session.ws.source!r}.",
            why=f"Its batches: {', '.join(sorted(seen))}.",
            fix=[f"lepton ingest {session.ws.source} FILE", "lepton pretrain  (trains a new base)"],
        )
    known, now = session.load(base).model.classes, source_classes(session)
    if tuple(known) != now:
        raise LeptonError(
            f"{base.label} cannot be gone on with: the source's classes are others now.",
            why=f"It tells apart {', '.join(known)}; the contract allows {', '.join(now)}.",
            fix=["lepton pretrain  (trains a new base)"],
        )
    return {"base": base.to_json(), "batches": new}


def fit_base(session: Session, job: dict[str, Any]) -> dict[str, Any]:
    """Train, and leave the model and its figures in the job's folder; not again if they are there."""

    from lepton.models.format import save

    folder = Path(job["folder"]) / "trained"
    if (known := result_of(folder, "figures")) is not None:
        session.runtime.tell("Going on from an interrupted run: " + "the model is trained")
        return {**known, "model": str(folder / "model")}
    table = session.rows(DataRef.from_json(job["data"]))
    others = {name: session.rows(DataRef.from_json(ref)) for name, ref in job["others"].items()}
    if job["folder"] and any(Path(job["folder"]).glob("stage-*.safetensors")):
        session.runtime.tell("Going on from an interrupted run: " + "training goes on from its last checkpoint")
    if job["continues"]:
        base = session.load(ModelRef.from_json(job["continues"]["base"])).model
        new = new_rows(session, session.ws.source, job["continues"]["batches"])
        done = continued(table, new, base, job["settings"], job["seed"], Path(job["folder"]), session.progress)
        rows = rows_of_continued(table, new, job["settings"], job["seed"])
    else:
        done = pretrained(table, job["settings"], job["seed"], others, Path(job["folder"]), session.progress)
        rows = rows_of_base(table, job["settings"], others, session.ws.source)
    reached("pretrain.trained")
    figures = {
        "curves": _series(done.stages[-1]),
        "stages": [{"name": s.name, "curves": _series(s), "seconds": s.seconds} for s in done.stages],
        "metrics": done.test,
        "seconds": done.seconds,
    }
    with atomic_dir(folder) as beside:
        save(done.model, beside / "model")
        (beside / "model" / ROWS).write_text(json.dumps(rows))
        (beside / "figures.json").write_text(json.dumps(figures))
    reached("pretrain.kept")
    return {**figures, "model": str(folder / "model")}


def _series(stage: Stage) -> dict[str, list[float]]:
    """Return the curves of a stage by name."""
    return {key: [epoch[key] for epoch in stage.curves] for key in stage.curves[0] if key != "epoch"}


def settle(session: Session, job: dict[str, Any], trained: dict[str, Any], verdict: dict[str, Any]) -> dict[str, Any]:
    """Register the base with its lineage; make it serve if the gate allows it, over the base that it was compared with.

    Raises:
        Conflict: If another base was promoted meanwhile.
    """
    from lepton.models.format import WEIGHTS
    from lepton.registry.projection import project
    from lepton.registry.promotion import promote

    outcome = {"metrics": trained["metrics"], "seconds": trained["seconds"], "gate": verdict, "links": {}}
    if verdict.get("unchanged"):
        return {**outcome, "outcome": "kept", "model": verdict["unchanged"]}
    data = DataRef.from_json(job["data"])
    chain = PretrainConfig.model_validate(job["settings"]["pretrain"]).chain
    made = Registration(
        slot=session.ws.source,
        folder=Path(trained["model"]),
        run=Run(**job["run"]),
        strategy=CONTINUED if job["continues"] else "+".join(chain),
        config={**job["settings"], **({CONTINUED: job["continues"]} if job["continues"] else {})},
        parent=ModelRef.from_json(job["continues"]["base"]) if job["continues"] else None,
        data=data,
        rows=rows_of(Path(trained["model"])),
        seed=job["seed"],
        domain=session.ws.source,
        gate=verdict,
        cause={"kind": job["cause"]},
        cost={
            "seconds": trained["seconds"],
            "labels": data.labelled,
            "bytes": (Path(trained["model"]) / WEIGHTS).stat().st_size,
        },
        metrics=trained["metrics"],
        key=job["key"],
        threads=job["settings"]["threads"],
        curves=trained["curves"],
        also={f"domain:{name}": DataRef.from_json(ref) for name, ref in job["others"].items()},
        parts=trained["stages"] if len(trained["stages"]) > 1 else (),
    )
    ref, links = register_model(session, made)
    reached("pretrain.registered")
    ledger, outcome = session.ledger, {**outcome, "model": ref.to_json(), "links": links}
    if verdict["passed"]:
        evidence = {"gate": verdict, "metrics": trained["metrics"], "run": job["run"]}
        cause = {"kind": job["cause"]}
        promote(
            session.ws,
            ledger,
            session.ws.source,
            ref,
            actor=session.actor,
            cause=cause,
            evidence=evidence,
            expect_seq=job["serving"],
        )
        reached("pretrain.promoted")
        return {**outcome, "outcome": "promoted"}
    before = session.find_champion(session.ws.source)
    ledger.append(
        session.actor,
        session.ws.source,
        REFUSED,
        {"model": ref.to_json(), "gate": verdict},
        expect_seq=job["serving"],
        expect_of=(PROMOTED, ROLLED_BACK),
    )
    reached("pretrain.refused")
    project(session.ws, ledger, session.ws.source)
    return {**outcome, "outcome": "refused", "champion": before.to_json() if before else None}


def finish_settled(session: Session, job: dict[str, Any]) -> dict[str, Any]:
    """Return what had become of work that was killed after its outcome was on record; the alias is put right."""
    from lepton.registry.reconcile import reconcile

    ledger = session.ledger
    row = ledger.last(session.ws.source, MOVES)
    assert row is not None  # it is what made the job a settled one
    for problem in reconcile(session.ws, ledger, [session.ws.source]).problems:
        raise problem
    ref = ModelRef.from_json(row.payload["model"])
    lineage = session.lineage(ref)
    before = session.find_champion(session.ws.source)
    return {
        "interrupted": True,
        "outcome": "refused" if row.action == REFUSED else "promoted",
        "model": ref.to_json(),
        "champion": before.to_json() if before else None,
        "metrics": dict(lineage.metrics),
        "seconds": lineage.cost["seconds"],
        "gate": dict(lineage.gate or {}),
        "links": {},
    }


def _key(session: Session, job: dict[str, Any], after: int) -> str:
    """Return the identity of the work: all that decides what comes of it, and which of several equal requests it is."""
    settings = {
        **settings_of(session),
        "margin": session.ws.config.transfer.margin,
        "min_held_out": session.ws.config.transfer.min_held_out,
    }
    asked = {
        "source": session.ws.source,
        "data": job["data"]["digest"],
        "settings": settings,
        "seed": session.ws.config.seed,
    }
    if job["others"]:
        asked["others"] = {name: ref["digest"] for name, ref in job["others"].items()}
    if job["continues"]:
        asked[CONTINUED] = job["continues"]
    return digest({**asked, "version": __version__, "after": after})


def _settled(session: Session, job: dict[str, Any], ref: ModelRef) -> dict[str, Any] | None:
    """Return the job that an interrupted run left, if it asked for the same as now and `ref` is what came of it."""
    for path in session.ws.work_dir.glob(f"pretrain-{session.ws.source}-{KEY}"):
        left = result_of(path, "job")
        if left and left["key"] == session.lineage(ref).key == _key(session, job, left["after"]):
            return dict(left)
    return None
