"""Registration: what a new model is registered with, and which versions there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lepton.core.errors import NotFound
from lepton.core.ledger.rows import Cause, Ingested, Registered
from lepton.core.refs import DataRef, ModelRef
from lepton.core.work.faults import reached
from lepton.core.work.files import digest
from lepton.operations.plugins import used_by
from lepton.operations.result import Json
from lepton.operations.runtime import Run
from lepton.operations.session import Session
from lepton.registry.lineage.environment import environment
from lepton.registry.lineage.plugins import KEY
from lepton.registry.lineage.record import Lineage
from lepton.registry.mlflow.tracking import connect
from lepton.registry.models import register

USES = ("train", "validation", "held_out", "reference")
"""What a model does with its data: learn from it, choose by it, be judged on it, be compared with it later."""


@dataclass(frozen=True)
class Registration:
    """A model folder, and everything that is known of how it came to be."""

    slot: str
    """The pair's name, or the source for a base."""
    domain: str
    """Whose contract the data was checked against."""
    folder: Path
    """The model's; gets example rows and a graph for inference."""
    run: Run
    """In which it was made."""
    strategy: str
    """Objective or strategy."""
    config: Mapping[str, Any]
    """All settings in force."""
    data: DataRef
    """What it saw; its rows are told apart by `rows`."""
    rows: Mapping[str, list[str]]
    """Ids of the rows by use, as they stand beside the weights."""
    seed: int
    """Of everything random."""
    gate: Mapping[str, Any]
    """The verdict with its evidence."""
    cause: Cause
    """Why it was made."""
    cost: Mapping[str, float]
    """Seconds, labels, bytes."""
    metrics: Mapping[str, Any]
    """On the held-out rows."""
    key: str
    """Of the work, so that doing it again after a crash registers nothing twice."""
    threads: int
    """That torch used."""
    parent: ModelRef | None = None
    """What it was adapted from."""
    ancestors: tuple[ModelRef, ...] = ()
    """All models that were considered as a start."""
    curves: Mapping[str, Any] = field(default_factory=dict)
    """Series to draw, e.g. the losses of every epoch."""
    tables: Mapping[str, Any] = field(default_factory=dict)
    """JSON files to keep with the run, by name."""
    also: Mapping[str, DataRef] = field(default_factory=dict)
    """What else it saw, by use."""
    parts: Sequence[Mapping[str, Any]] = ()
    """Stages of the work, each a run of its own below: `name`, `curves`, `seconds`."""


def register_model(session: Session, made: Registration) -> tuple[ModelRef, dict[str, str]]:
    """Register a model folder with its lineage.

    Returns:
        The version, and links for people: empty while no server is up.
    """
    from lepton.models.export import complete

    surroundings = environment()
    parent = session.lineage(made.parent) if made.parent else None
    if used := used_by(made.strategy, made.config, parent):
        surroundings["code"] = {**surroundings["code"], KEY: [one.to_json() for one in used]}
    lineage = Lineage(
        strategy=made.strategy,
        data={**dict.fromkeys(USES, made.data), **made.also},
        rows=row_counts(made.rows),
        seed=made.seed,
        parent=made.parent,
        ancestors=made.ancestors,
        config=made.config,
        contract=contract_summary(session, made.domain, made.data.batches),
        gate=made.gate,
        cause=made.cause,
        flow_run=made.run.to_json(),
        **surroundings,
        cost=made.cost,
        metrics=made.metrics,
        key=made.key,
        threads=made.threads,
    )
    complete(made.folder)
    reached("register.completed")
    tracking, numbers = connect(session.ws), _numbers(made.metrics)
    tags = {
        "flow_run": made.run.id,
        "pair": made.slot,
        "cause": made.cause.kind,
        "revision": lineage.code.get("revision"),
    }
    with tracking.run(f"{made.strategy} {made.slot}", tags) as record:
        record.params(made.config)
        record.curves(made.curves)
        for name, value in made.tables.items():
            record.json(name, value)
        record.metrics(numbers)
        for number, stage in enumerate(made.parts, start=1):
            with record.child(f"stage {number}: {stage['name']}") as one:
                one.curves(stage["curves"])
                one.metrics({"seconds": stage["seconds"]})
        ref = register(
            session.ws,
            session.ledger,
            made.slot,
            made.folder,
            lineage,
            actor=session.actor,
            run=record,
            metrics=numbers,
        )
    found = {"MLflow": tracking.model_url(ref.name, ref.version), "flow run": made.run.url}
    return ref, {name: link for name, link in found.items() if link}


def _numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    return {key: value for key, value in metrics.items() if isinstance(value, int | float)}


def row_counts(rows: Mapping[str, list[str]]) -> dict[str, dict[str, int | str]]:
    """Return count and digest of the ids of each use, whatever their order."""
    return {use: {"count": len(ids), "digest": digest(sorted(ids))} for use, ids in rows.items()}


def contract_summary(session: Session, domain: str, batches: tuple[str, ...]) -> Json:
    """Return what the ledger knows of the contract's check of these batches; a refused delivery never became one."""
    deliveries = (entry.row for entry in session.ledger.rows(session.ws.slot(domain), Ingested))
    taken = [one for one in deliveries if one.batch in batches and not one.labels]
    return {
        "domain": domain,
        "deliveries": len(taken),
        "passed": all(one.passed for one in taken) if taken else None,
        "contract": taken[-1].rules if taken else None,
    }


def model_to_promote(session: Session, domain: str, version: str) -> ModelRef:
    """Return a registered version of a target's model, or of the source's base.

    Raises:
        NotFound: If there is none of that number.
    """
    registered = (entry.row.model for entry in session.ledger.rows(session.ws.slot(domain), Registered))
    known = {ref.version: ref for ref in registered}
    wanted = version.removeprefix("v")
    if wanted not in known:
        raise NotFound(
            f"There is no version {wanted} of the model of {domain!r}.",
            why=f"Versions: {', '.join(known) or 'none'}.",
            fix=[f"lepton lineage tree {domain}"],
        )
    return known[wanted]
