"""The work behind the steps of pretraining; each leaves its result in the job's folder and is not done twice."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.champions import ROWS, find_champion, load_version, rows_of
from flows.records import lineage_of_model, register_model
from flows.regime import recalled_batches
from flows.resume import KEY, folder_of, once, result_of, say_going_on
from flows.steps import actor, open_ledger, progress
from lepton import __version__
from lepton.core.config import EncoderConfig, PretrainConfig
from lepton.core.errors import LeptonError, NotFound, UsageError
from lepton.core.faults import reached
from lepton.core.files import atomic_dir, digest
from lepton.core.ledger import PROMOTED, REFUSED, ROLLED_BACK
from lepton.core.refs import DataRef, ModelRef
from lepton.core.splits import split
from lepton.core.table import Table
from lepton.core.workspace import Workspace

if TYPE_CHECKING:
    from lepton.pretraining import Pretrained
    from lepton.pretraining.objective import Stage

MOVES = (PROMOTED, ROLLED_BACK, REFUSED)
"""After one of these rows of the source, training again is new work, not the same after a crash."""


def prepare_job(ws: Workspace, cause: str, run: dict[str, Any], dry_run: bool = False) -> dict[str, Any]:
    """Return what will be trained on, and the folder and key of the work.

    `settled` is whether an interrupted run of the very same work had already put its outcome on record.

    Raises:
        NotFound: If the source has no batch, or none that is not recalled.
    """
    from lepton.data.store import batches
    from lepton.data.versions import data_ref

    poisoned = recalled_batches(ws, ws.source)
    chosen = [batch for batch in batches(ws, ws.source) if batch not in poisoned]
    if not chosen:
        raise NotFound(
            f"The source domain {ws.source!r} has no data {'that is not recalled' if poisoned else 'yet'}.",
            why="; ".join(f"{batch}: {why}" for batch, why in poisoned.items()) or "The base model is trained on it.",
            fix=[f"lepton ingest {ws.source} FILE"],
        )
    data, others = data_ref(ws, ws.source, chosen), _others(ws)
    asked = {"cause": cause, "run": run, "data": data.to_json()}
    asked["others"] = {name: ref.to_json() for name, ref in others.items()}
    last = open_ledger(ws).last(ws.source, MOVES)
    if last is not None and (left := _settled(ws, data, others, ModelRef.from_json(last.payload["model"]))) is not None:
        return {**asked, **left, "settled": True}
    serving = open_ledger(ws).last(ws.source, (PROMOTED, ROLLED_BACK))
    after = last.seq if last else 0
    key = _key(ws, data, others, after)
    job: dict[str, Any] = {
        "key": key,
        "after": after,
        "serving": serving.seq if serving else 0,
        "settings": settings_of(ws),
        "seed": ws.config.seed,
        "folder": str(folder_of(ws, "pretrain", ws.source, key)),
    }
    if not dry_run:
        once(job["folder"], "job", lambda: job)
        reached("pretrain.prepared")
    return {**asked, **job, "settled": False}


def _others(ws: Workspace) -> dict[str, DataRef]:
    """Return the rows of the further domains that `pretrain.domains` names, without what was recalled.

    Raises:
        NotFound: If one of them has none.
        UsageError: If it is the source itself.
    """
    from lepton.data.store import batches
    from lepton.data.versions import data_ref

    found = {}
    for name in ws.config.pretrain.domains:
        if name == ws.source:
            raise UsageError(
                f"pretrain.domains names the source, {name!r}.",
                why="Its rows are learnt from anyway; the list is for further domains.",
                fix=["take it out of pretrain.domains in lepton.yaml"],
            )
        ws.check_known(name)
        poisoned = recalled_batches(ws, name)
        chosen = [batch for batch in batches(ws, name) if batch not in poisoned]
        if not chosen:
            raise NotFound(
                f"The domain {name!r} of pretrain.domains has no data.",
                why="; ".join(f"{batch} is recalled: {why}" for batch, why in poisoned.items()),
                fix=[f"lepton ingest {name} FILE", "take it out of pretrain.domains in lepton.yaml"],
            )
        found[name] = data_ref(ws, name, chosen)
    return found


def fit_base(ws: Workspace, job: dict[str, Any]) -> dict[str, Any]:
    """Train, and leave the model and its figures in the job's folder; not again if they are there."""
    from lepton.data.seen import load_seen
    from lepton.models.format import save

    folder = Path(job["folder"]) / "trained"
    if (known := result_of(folder, "figures")) is not None:
        say_going_on("the model is trained")
        return {**known, "model": str(folder / "model")}
    table = load_seen(ws, DataRef.from_json(job["data"]))
    others = {name: load_seen(ws, DataRef.from_json(ref)) for name, ref in job["others"].items()}
    if job["folder"] and any(Path(job["folder"]).glob("stage-*.safetensors")):
        say_going_on("training goes on from its last checkpoint")
    done = pretrained(table, job["settings"], job["seed"], others, Path(job["folder"]))
    reached("pretrain.trained")
    figures = {
        "curves": _series(done.stages[-1]),
        "stages": [{"name": s.name, "curves": _series(s), "seconds": s.seconds} for s in done.stages],
        "metrics": done.test,
        "seconds": done.seconds,
    }
    rows = rows_of_base(table, job["settings"], others, ws.source)
    with atomic_dir(folder) as beside:
        save(done.model, beside / "model")
        (beside / "model" / ROWS).write_text(json.dumps(rows))
        (beside / "figures.json").write_text(json.dumps(figures))
    reached("pretrain.kept")
    return {**figures, "model": str(folder / "model")}


def _series(stage: Stage) -> dict[str, list[float]]:
    """Return the curves of a stage by name."""
    return {key: [epoch[key] for epoch in stage.curves] for key in stage.curves[0] if key != "epoch"}


def pretrained(
    table: Table,
    settings: Mapping[str, Any],
    seed: int,
    others: Mapping[str, Table] | None = None,
    folder: Path | None = None,
) -> Pretrained:
    """Return the base model that these settings make of these rows; nothing else decides what it is.

    Args:
        table: All rows of the source.
        settings: As `settings_of` returns them.
        seed: Of everything random.
        others: All rows of the further domains, by name.
        folder: Where checkpoints are kept and taken up; they do not change what comes out.
    """
    from flows.shared_training import train_together
    from lepton.pretraining import pretrain as fit

    if settings["pretrain"].get("processes", 1) > 1:
        return train_together(table, settings, seed, others or {}, folder, progress())
    return fit(
        table,
        classes=settings["classes"],
        encoder=EncoderConfig.model_validate(settings["encoder"]),
        config=PretrainConfig.model_validate(settings["pretrain"]),
        seed=seed,
        threads=settings["threads"],
        progress=progress(),
        others=others,
        folder=folder,
    )


def rows_of_base(
    table: Table, settings: Mapping[str, Any], others: Mapping[str, Table], source: str
) -> dict[str, list[str]]:
    """Return the ids of the rows that a base learns from, that choose its best epoch, and that measure it.

    What its objectives see beside the source's labelled rows stands there as `pool:DOMAIN` and `task:DOMAIN`.
    """
    from lepton.pretraining.catalogue import objectives_of
    from lepton.pretraining.material import seen_rows, used_rows

    chain = objectives_of(PretrainConfig.model_validate(settings["pretrain"]).chain)
    unlabelled, tasks = any(one.unlabelled for one in chain), any(one.tasks for one in chain)
    return used_rows(table) | seen_rows({source: table, **others}, unlabelled, tasks)


def judge_against_base(ws: Workspace, job: dict[str, Any], trained: dict[str, Any]) -> dict[str, Any]:
    """Return the gate's verdict on the source's held-out rows."""
    verdict: dict[str, Any] = once(job["folder"], "verdict", lambda: _judge(ws, job, trained))
    reached("pretrain.judged")
    return verdict


def _judge(ws: Workspace, job: dict[str, Any], trained: dict[str, Any]) -> dict[str, Any]:
    from lepton.core.gate import GatePolicy, judge
    from lepton.data.seen import load_seen
    from lepton.models.format import load as load_model
    from lepton.registry.standing import key_of, recalled

    before = find_champion(ws, ws.source)
    if before is None or key_of(before.to_json()) in recalled(open_ledger(ws)):
        summary = "first base model" if before is None else f"{before.label} is recalled and sets no standard"
        return {"passed": True, "summary": summary, "reasons": [], "comparisons": []}
    new, old = load_model(Path(trained["model"])), load_version(ws, before).model
    if new.digest() == old.digest():
        summary = f"the very model that serves, {before.label}"
        return {"passed": True, "summary": summary, "reasons": [], "comparisons": [], "unchanged": before.to_json()}
    rows = split(load_seen(ws, DataRef.from_json(job["data"])), "test").labelled()
    truth = new.label_indices(rows.labels)
    rivals = {"base": old.label_indices([old.classes[k] for k in old.predict_proba(rows).argmax(axis=1)])}
    policy = GatePolicy(margin=ws.config.transfer.margin, min_rows=ws.config.transfer.min_held_out)
    verdict = judge(truth, new.predict_proba(rows).argmax(axis=1), rivals, policy, classes=new.classes)
    return {**verdict.to_json(), "summary": verdict.summary()}


def settle(ws: Workspace, job: dict[str, Any], trained: dict[str, Any], verdict: dict[str, Any]) -> dict[str, Any]:
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
    ref, links = register_model(
        ws,
        pair_name=ws.source,
        folder=Path(trained["model"]),
        run=job["run"],
        strategy="+".join(PretrainConfig.model_validate(job["settings"]["pretrain"]).chain),
        config=job["settings"],
        data=data,
        rows=rows_of(Path(trained["model"])),
        seed=job["seed"],
        domain=ws.source,
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
    reached("pretrain.registered")
    ledger, outcome = open_ledger(ws), {**outcome, "model": ref.to_json(), "links": links}
    if verdict["passed"]:
        evidence = {"gate": verdict, "metrics": trained["metrics"], "run": job["run"]}
        cause = {"kind": job["cause"]}
        promote(ws, ledger, ws.source, ref, actor=actor(), cause=cause, evidence=evidence, expect_seq=job["serving"])
        reached("pretrain.promoted")
        return {**outcome, "outcome": "promoted"}
    before = find_champion(ws, ws.source)
    ledger.append(
        actor(),
        ws.source,
        REFUSED,
        {"model": ref.to_json(), "gate": verdict},
        expect_seq=job["serving"],
        expect_of=(PROMOTED, ROLLED_BACK),
    )
    reached("pretrain.refused")
    project(ws, ledger, ws.source)
    return {**outcome, "outcome": "refused", "champion": before.to_json() if before else None}


def finish_settled(ws: Workspace, job: dict[str, Any]) -> dict[str, Any]:
    """Return what had become of work that was killed after its outcome was on record; the alias is put right."""
    from lepton.registry.reconcile import reconcile

    ledger = open_ledger(ws)
    row = ledger.last(ws.source, MOVES)
    assert row is not None  # it is what made the job a settled one
    for problem in reconcile(ws, ledger, [ws.source]).problems:
        raise problem
    ref = ModelRef.from_json(row.payload["model"])
    lineage = lineage_of_model(ws, ref)
    before = find_champion(ws, ws.source)
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


def settings_of(ws: Workspace) -> dict[str, Any]:
    """Return all settings that decide what a base becomes, beside its data and the seed."""
    return {
        "kind": ws.config.kind,
        "encoder": ws.config.encoder.model_dump(mode="json"),
        "pretrain": ws.config.pretrain.model_dump(mode="json"),
        "threads": ws.config.threads,
        "classes": list(source_classes(ws)),
    }


def source_classes(ws: Workspace) -> tuple[str, ...]:
    """Return the classes that the source's contract allows.

    Raises:
        LeptonError: If there are fewer than two: nothing can be learnt from one.
    """
    from lepton.contract.spec import load_contract

    classes = tuple(load_contract(ws, ws.source).classes)
    if len(classes) < 2:
        raise LeptonError(
            f"The source {ws.source!r} has {len(classes)} class; a model needs two to tell apart.",
            fix=[f"edit {ws.contracts_dir / ws.source}.yaml", "lepton init --label COLUMN  (another label column)"],
        )
    return classes


def _key(ws: Workspace, data: DataRef, others: Mapping[str, DataRef], after: int) -> str:
    """Return the identity of the work: all that decides what comes of it, and which of several equal requests it is."""
    settings = {**settings_of(ws), "margin": ws.config.transfer.margin, "min_held_out": ws.config.transfer.min_held_out}
    asked = {"source": ws.source, "data": data.digest, "settings": settings, "seed": ws.config.seed}
    if others:
        asked["others"] = {name: ref.digest for name, ref in others.items()}
    return digest({**asked, "version": __version__, "after": after})


def _settled(ws: Workspace, data: DataRef, others: Mapping[str, DataRef], ref: ModelRef) -> dict[str, Any] | None:
    """Return the job that an interrupted run left, if it asked for the same as now and `ref` is what came of it."""
    for path in ws.work_dir.glob(f"pretrain-{ws.source}-{KEY}"):
        left = result_of(path, "job")
        if left and left["key"] == lineage_of_model(ws, ref).key == _key(ws, data, others, left["after"]):
            return dict(left)
    return None
