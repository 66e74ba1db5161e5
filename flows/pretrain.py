"""Pretrain: a base model on the labelled source, registered as what every transfer starts from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from prefect import flow

from flows.champions import find_champion, load_version
from flows.records import register_model
from flows.steps import actor, current_run, open_ledger, progress, scratch, step, workspace
from lepton import __version__
from lepton.core.errors import LeptonError, NotFound
from lepton.core.files import digest
from lepton.core.ledger import PROMOTED, REFUSED, ROLLED_BACK
from lepton.core.refs import DataRef
from lepton.core.workspace import Workspace


@flow(name="pretrain", flow_run_name="pretrain-{cause}")
def pretrain(cause: str = "manual", dry_run: bool = False) -> dict[str, Any]:
    """Train a base model on the source, register it, and let it serve if it is not worse than the one before.

    Args:
        cause: Who or what asked for it: manual or schedule.
        dry_run: Say what would be trained on, and stop.
    """
    job = prepare(cause)
    if dry_run:
        return {**job, "outcome": "dry run"}
    with scratch(Path(job["folder"])):
        trained = train(job)
        verdict = judge_base(job, trained)
        return promote_base(job, trained, verdict)


@step
def prepare(cause: str) -> dict[str, Any]:
    """Return what will be trained on: references only."""
    from lepton.data.store import batches
    from lepton.data.versions import data_ref

    ws = workspace()
    if not batches(ws, ws.source):
        raise NotFound(
            f"The source domain {ws.source!r} has no data yet.",
            why="The base model is trained on it.",
            fix=[f"lepton ingest {ws.source} FILE"],
        )
    run = current_run()
    data = data_ref(ws, ws.source)
    folder = ws.work_dir / run["id"]
    return {"cause": cause, "run": run, "folder": str(folder), "data": data.to_json(), "key": _key(ws, data)}


@step
def train(job: dict[str, Any]) -> dict[str, Any]:
    """Train, and leave the model and its figures in the job's folder."""
    from lepton.data.store import load
    from lepton.models.format import save
    from lepton.pretraining import pretrain as fit

    ws = workspace()
    table = load(ws, ws.source, job["data"]["batches"])
    done = fit(
        table,
        classes=source_classes(ws.source),
        encoder=ws.config.encoder,
        config=ws.config.pretrain,
        seed=ws.config.seed,
        threads=ws.config.threads,
        progress=progress(),
    )
    folder = Path(job["folder"])
    save(done.model, folder / "model")
    series = {key: [epoch[key] for epoch in done.curves] for key in done.curves[0] if key != "epoch"}
    figures = {"curves": series, "metrics": done.test, "seconds": done.seconds}
    (folder / "figures.json").write_text(json.dumps(figures))
    return {"model": str(folder / "model"), **figures}


@step
def judge_base(job: dict[str, Any], trained: dict[str, Any]) -> dict[str, Any]:
    """Return the gate's verdict on the source's held-out rows: the first base passes, a later one must hold its own."""
    from lepton.core.gate import GatePolicy, judge
    from lepton.core.splits import split
    from lepton.data.store import load
    from lepton.models.format import load as load_model

    ws = workspace()
    before = find_champion(ws, ws.source)
    if before is None:
        return {"passed": True, "summary": "first base model", "reasons": [], "comparisons": []}
    rows = split(load(ws, ws.source, job["data"]["batches"]), "test").labelled()
    new, old = load_model(Path(trained["model"])), load_version(ws, before).model
    truth = new.label_indices(rows.labels)
    rivals = {"base": old.label_indices([old.classes[k] for k in old.predict_proba(rows).argmax(axis=1)])}
    policy = GatePolicy(margin=ws.config.transfer.margin, min_rows=ws.config.transfer.min_held_out)
    verdict = judge(truth, new.predict_proba(rows).argmax(axis=1), rivals, policy, classes=new.classes)
    return {**verdict.to_json(), "summary": verdict.summary()}


@step
def promote_base(job: dict[str, Any], trained: dict[str, Any], verdict: dict[str, Any]) -> dict[str, Any]:
    """Register the base with its lineage; make it serve if the gate allows it."""
    from lepton.registry.promotion import champion, promote

    ws = workspace()
    before = champion(open_ledger(ws), ws.source)
    data = DataRef.from_json(job["data"])
    ref, links = register_model(
        ws,
        pair_name=ws.source,
        folder=Path(trained["model"]),
        run=job["run"],
        strategy=ws.config.pretrain.objective,
        config=settings_of(ws),
        data={"train": data},
        domain=ws.source,
        gate=verdict,
        cause={"kind": job["cause"]},
        cost={"seconds": trained["seconds"], "labels": data.labelled},
        metrics=trained["metrics"],
        curves=trained["curves"],
    )
    outcome = {"model": ref.to_json(), "metrics": trained["metrics"], "seconds": trained["seconds"], "links": links}
    ledger = open_ledger(ws)
    if verdict["passed"]:
        evidence = {"gate": verdict, "metrics": trained["metrics"], "run": job["run"]}
        cause, expected = {"kind": job["cause"]}, before.seq if before else 0
        promote(ws, ledger, ws.source, ref, actor=actor(), cause=cause, evidence=evidence, expect_seq=expected)
        return {**outcome, "outcome": "promoted", "gate": verdict}
    ledger.append(actor(), ws.source, "refused", {"model": ref.to_json(), "gate": verdict})
    return {**outcome, "outcome": "refused", "gate": verdict, "champion": before.ref.to_json() if before else None}


def settings_of(ws: Workspace) -> dict[str, Any]:
    """Return all settings that decide what a base becomes, beside its data and the seed."""
    return {
        "encoder": ws.config.encoder.model_dump(mode="json"),
        "pretrain": ws.config.pretrain.model_dump(mode="json"),
        "threads": ws.config.threads,
        "classes": list(source_classes(ws.source)),
    }


def _key(ws: Workspace, data: DataRef) -> str:
    """Return the identity of the work: all that decides what comes of it, and which of several equal requests it is."""
    settled = open_ledger(ws).last(ws.source, (PROMOTED, ROLLED_BACK, REFUSED))
    asked = {
        "source": ws.source,
        "data": data.digest,
        "settings": settings_of(ws),
        "seed": ws.config.seed,
        "version": __version__,
        "after": settled.seq if settled else 0,
    }
    return digest(asked)


def source_classes(domain: str) -> tuple[str, ...]:
    """Return the classes that the domain's contract allows.

    Raises:
        LeptonError: If there are fewer than two: nothing can be learnt from one.
    """
    from lepton.contract.spec import load_contract

    ws = workspace()
    classes = tuple(load_contract(ws, domain).classes)
    if len(classes) < 2:
        raise LeptonError(
            f"The source {domain!r} has {len(classes)} class; a model needs two to tell apart.",
            fix=[f"edit {ws.contracts_dir / domain}.yaml", "lepton init --label COLUMN  (another label column)"],
        )
    return classes
