"""Lineage: what a new model is registered with, and how it is read again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lepton.core.errors import NotFound
from lepton.core.refs import DataRef, ModelRef
from lepton.core.work.faults import reached
from lepton.core.work.files import digest
from lepton.operations.plugins import used_by
from lepton.operations.session import Session
from lepton.registry.lineage.environment import environment
from lepton.registry.lineage.plugins import KEY
from lepton.registry.lineage.record import Lineage
from lepton.registry.mlflow.tracking import connect
from lepton.registry.models import register

USES = ("train", "validation", "held_out", "reference")
"""What a model does with its data: learn from it, choose by it, be judged on it, be compared with it later."""


def register_model(
    session: Session,
    *,
    pair_name: str,
    folder: Path,
    run: Mapping[str, Any],
    strategy: str,
    config: Mapping[str, Any],
    data: DataRef,
    rows: Mapping[str, list[str]],
    seed: int,
    domain: str,
    gate: Mapping[str, Any],
    cause: Mapping[str, Any],
    cost: Mapping[str, float],
    metrics: Mapping[str, Any],
    key: str,
    threads: int,
    parent: ModelRef | None = None,
    ancestors: tuple[ModelRef, ...] = (),
    curves: Mapping[str, Any] | None = None,
    tables: Mapping[str, Any] | None = None,
    also: Mapping[str, DataRef] | None = None,
    parts: Sequence[Mapping[str, Any]] = (),
) -> tuple[ModelRef, dict[str, str]]:
    """Register a model folder with everything that is known of how it came to be.

    Args:
        session: The workspace at work.
        pair_name: The pair, or the source for a base.
        folder: The model's folder; gets example rows and a graph for inference.
        run: The flow run that made it.
        strategy: Objective or strategy.
        config: All settings in force.
        data: What it saw; its rows are told apart by `rows`.
        rows: Ids of the rows by use, as they stand beside the weights.
        seed: Of everything random.
        domain: Whose contract the data was checked against.
        gate: The verdict with its evidence.
        cause: Why it was made.
        cost: Seconds, labels, bytes.
        metrics: On the held-out rows.
        key: Of the work, so that doing it again after a crash registers nothing twice.
        threads: That torch used.
        parent: What it was adapted from.
        ancestors: All models that were considered as a start.
        curves: Series to draw, e.g. the losses of every epoch.
        tables: JSON files to keep with the run, by name.
        also: What else it saw, by use.
        parts: Stages of the work, each a run of its own below: `name`, `curves`, `seconds`.

    Returns:
        The version, and links for people: empty while no server is up.
    """
    from lepton.models.export import complete

    surroundings = environment()
    if used := used_by(session, strategy, config, parent):
        surroundings["code"] = {**surroundings["code"], KEY: [one.to_json() for one in used]}
    lineage = Lineage(
        strategy=strategy,
        data={**dict.fromkeys(USES, data), **(also or {})},
        rows=row_counts(rows),
        seed=seed,
        parent=parent,
        ancestors=ancestors,
        config=config,
        contract=contract_summary(session, domain, data.batches),
        gate=gate,
        cause=cause,
        flow_run=dict(run),
        **surroundings,
        cost=cost,
        metrics=metrics,
        key=key,
        threads=threads,
    )
    complete(folder)
    reached("register.completed")
    tracking, ledger = connect(session.ws), session.ledger
    numbers = {key: value for key, value in metrics.items() if isinstance(value, int | float)}
    tags = {
        "flow_run": run["id"],
        "pair": pair_name,
        "cause": cause.get("kind"),
        "revision": lineage.code.get("revision"),
    }
    with tracking.run(f"{strategy} {pair_name}", tags) as record:
        record.params(config)
        record.curves(curves or {})
        for name, value in (tables or {}).items():
            record.json(name, value)
        record.metrics(numbers)
        for number, stage in enumerate(parts, start=1):
            with record.child(f"stage {number}: {stage['name']}") as one:
                one.curves(stage["curves"])
                one.metrics({"seconds": stage["seconds"]})
        ref = register(session.ws, ledger, pair_name, folder, lineage, actor=session.actor, run=record, metrics=numbers)
    found = {"MLflow": tracking.model_url(ref.name, ref.version), "flow run": run.get("url")}
    return ref, {name: link for name, link in found.items() if link}


def row_counts(rows: Mapping[str, list[str]]) -> dict[str, dict[str, Any]]:
    """Return count and digest of the ids of each use, whatever their order."""
    return {use: {"count": len(ids), "digest": digest(sorted(ids))} for use, ids in rows.items()}


def lineage_of_model(session: Session, ref: ModelRef) -> Lineage:
    """Return the record of a registered version, from the ledger.

    Raises:
        NotFound: If the ledger has no such registration.
    """
    pair_name = ref.name.removeprefix("lepton-")
    for entry in reversed(session.ledger.entries(pair_name, "registered")):
        if entry.payload["model"]["version"] == ref.version:
            return Lineage.from_json(entry.payload["lineage"])
    raise NotFound(f"The ledger has no registration of {ref.label}.", fix=["lepton doctor"])


def contract_summary(session: Session, domain: str, batches: tuple[str, ...]) -> dict[str, Any]:
    """Return what the ledger knows of the contract's check of these batches; a refused delivery never became one."""
    entries = session.ledger.entries(session.ws.slot(domain), "ingested")
    taken = [e.payload for e in entries if e.payload["batch"] in batches and not e.payload.get("labels")]
    checks = [delivery.get("contract") or {} for delivery in taken]
    passed = [bool(check.get("passed")) for check in checks]
    return {
        "domain": domain,
        "deliveries": len(taken),
        "passed": all(passed) if passed else None,
        "contract": checks[-1].get("contract") if checks else None,
    }


def model_to_promote(session: Session, domain: str, version: str) -> ModelRef:
    """Return a registered version of a target's model, or of the source's base.

    Raises:
        NotFound: If there is none of that number.
    """
    entries = session.ledger.entries(session.ws.slot(domain), "registered")
    known = {e.payload["model"]["version"]: ModelRef.from_json(e.payload["model"]) for e in entries}
    wanted = version.removeprefix("v")
    if wanted not in known:
        raise NotFound(
            f"There is no version {wanted} of the model of {domain!r}.",
            why=f"Versions: {', '.join(known) or 'none'}.",
            fix=[f"lepton lineage tree {domain}"],
        )
    return known[wanted]
