"""Promotion: register -> verify -> ledger -> alias -> read back. By the gate, by a person, and back again.

The steps up to the ledger's row belong together: if verification fails, or the ledger refuses because somebody else was
first, the version that was registered is marked as abandoned and no alias ever pointed to it. The row is the commit;
after it there is nothing to undo, only an alias to move, which `reconcile` does if we cannot.
"""

from __future__ import annotations

import json
from typing import Any

from flows.champions import ROWS
from flows.events import say_proposed
from flows.records import lineage_of_model, model_to_promote, register_model
from flows.settled import finish_word
from flows.steps import actor, open_ledger, step, workspace
from flows.transfer_job import THREADS, TransferJob, candidate_folder, rows_of_transfer, training_rows
from flows.undo import all_or_nothing, undoable
from lepton.core.errors import Conflict
from lepton.core.faults import reached
from lepton.core.ledger import ABANDONED, PROMOTED, REFUSED, REJECTED, ROLLED_BACK
from lepton.core.refs import ModelRef
from lepton.core.workspace import Workspace

Json = dict[str, Any]

_LATE = {"dry_run": False, "interrupted": True}
"""Of a command that was killed after its word was on record; given again it is only finished."""


def promote_winner(ws: Workspace, job: TransferJob, story: Json, verdict: Json) -> Json:
    """Register the winner with its lineage; what becomes of it is said by the gate and, where asked for, a person.

    Args:
        ws: The workspace.
        job: What was asked for.
        story: Signals, plan and every candidate with cost and score; goes on record with the outcome.
        verdict: Of the gate.

    Returns:
        `outcome` is promoted, refused (the gate said no; it stays as challenger), or proposed (the gate said yes, and
        lepton.yaml asks for a person's word).
    """
    from lepton.registry.promotion import champion
    from lepton.registry.reconcile import reconcile

    pair, ledger = job.pair.name, open_ledger(ws)
    reconcile(ws, ledger, [pair])
    reached("promote.reconciled")
    serving = champion(ledger, pair)
    if (serving.ref if serving else None) != job.champion:
        raise Conflict(
            f"Another model was promoted for {job.pair.target!r} while this one was made.",
            why=f"The gate compared with {job.champion.label if job.champion else 'no champion'}.",
            fix=[f"lepton transfer {job.pair.target}"],
        )
    candidates = story["candidates"]
    winner = next(c for c in candidates if c["label"] == verdict["winner"])
    evidence = {"gate": verdict, "metrics": winner["metrics"], "run": job.run, "story": story}
    by_person = ws.config.transfer_for(job.pair.target).approval == "person"
    outcome = ("proposed" if by_person else "promoted") if verdict["passed"] else "refused"
    with all_or_nothing():
        registered = register_winner(job.to_json(), winner, candidates, verdict)
        verify_version(registered["model"])
        record_outcome(job.to_json(), registered["model"], evidence, outcome, serving.seq if serving else 0)
    show_aliases(pair)
    ref, target = ModelRef.from_json(registered["model"]), job.pair.target
    if outcome == "proposed":
        say_proposed(pair, target, ref.version, verdict["summary"])
    labels_decide = verdict.get("undecided") or verdict.get("basis") == "validators"
    next_step = {
        "promoted": f"lepton score {target}",
        "proposed": f"lepton promote {target} --approve   (or: lepton reject {target} --why ...)",
        "refused": f"lepton ingest {target} labels.csv --labels   (more labels would decide)"
        if labels_decide
        else f'lepton promote {target} {ref.version} --why "..."   (only if you know better)',
    }[outcome]
    links = registered["links"]
    return {"outcome": outcome, "model": ref.to_json(), "links": links, "metrics": winner["metrics"], "next": next_step}


def abandon(registered: Json, why: str) -> None:
    """Mark a registered version as abandoned, unless some later row speaks of it: then the commit had come through."""
    ws = workspace()
    ref, ledger = ModelRef.from_json(registered["model"]), open_ledger(ws)
    rows = ledger.entries(ref.name.removeprefix("lepton-"))
    if not any(row.action != "registered" and row.payload.get("model") == ref.to_json() for row in rows):
        ledger.append(actor(), ref.name.removeprefix("lepton-"), ABANDONED, {"model": ref.to_json(), "why": why})
    reached("promote.undone")


@undoable(abandon)
def register_winner(job: Json, winner: Json, candidates: list[Json], verdict: Json) -> Json:
    """Give the winner's folder a version, with its lineage; undone, the version is marked as abandoned."""
    ref, links = _register(workspace(), TransferJob.from_json(job), winner, candidates, verdict)
    reached("promote.registered")
    return {"model": ref.to_json(), "links": links}


@step
def verify_version(model: Json) -> None:
    """Check every file against its checksum, load the model, and let it answer its stored example rows."""
    from lepton.registry.promotion import verify

    verify(workspace(), ModelRef.from_json(model))


@step
def record_outcome(job: Json, model: Json, evidence: Json, outcome: str, expect_seq: int) -> None:
    """Write the row that decides; refused if the champion that the gate compared with does not serve any more."""
    from lepton.registry.approval import propose
    from lepton.registry.promotion import commit

    ledger, asked, ref = open_ledger(workspace()), TransferJob.from_json(job), ModelRef.from_json(model)
    if outcome == "refused":
        ledger.append(actor(), asked.pair.name, REFUSED, {"model": model, **evidence})
        reached("promote.refused")
        return
    write = commit if outcome == "promoted" else propose
    write(ledger, asked.pair.name, ref, actor=actor(), cause=asked.cause, evidence=evidence, expect_seq=expect_seq)


@step
def show_aliases(pair: str) -> None:
    """Move MLflow's aliases to what the ledger says, and read them back."""
    from lepton.core.errors import LeptonError
    from lepton.registry.projection import project

    ws = workspace()
    try:
        project(ws, open_ledger(ws), pair)
    except LeptonError as error:
        raise LeptonError(
            f"The decision about {pair} stands in the ledger, but MLflow's alias could not be moved.",
            why=f"{error.what} {error.why}".strip(),
            fix=["lepton doctor  (moves the alias when MLflow can be reached again)"],
        ) from None
    reached("promote.aliases-shown")


def promote_by_hand(ws: Workspace, domain: str, version: str, why: str, dry_run: bool) -> dict[str, Any]:
    """Let a version serve because a person says so; what the gate said of it goes on record beside the reason."""
    from lepton.registry.promotion import champion, promote

    slot, ledger = ws.slot(domain), open_ledger(ws)
    ref = model_to_promote(ws, domain, version)
    serving = champion(ledger, slot)
    lineage = lineage_of_model(ws, ref)
    gate = lineage.gate or {}
    if not dry_run:
        evidence = {"gate": gate, "metrics": lineage.metrics, "by_hand": True}
        expected = serving.seq if serving else 0
        cause = {"kind": "manual", "why": why}
        promote(ws, ledger, slot, ref, actor=actor(), cause=cause, evidence=evidence, expect_seq=expected)
    return {
        "model": ref.label,
        "before": serving.ref.label if serving else None,
        "gate": gate.get("summary", "nothing"),
        "why": why,
        "dry_run": dry_run,
    }


def roll_back(ws: Workspace, domain: str, to: str | None, why: str, dry_run: bool) -> dict[str, Any]:
    """Give a target an earlier champion back."""
    from lepton.registry.promotion import champion, rollback, rollback_target

    slot, ledger = ws.slot(domain), open_ledger(ws)
    if not dry_run and (done := finish_word(ws, slot, (ROLLED_BACK,), "rollback")):
        label = ModelRef.from_json(done.payload["model"]).label
        return {
            "model": label,
            "before": _label(done.payload["previous"]),
            "why": done.payload["cause"]["why"],
            **_LATE,
        }
    before = champion(ledger, slot)
    target = rollback_target(ledger, slot, to)
    if not dry_run:
        target = rollback(ws, ledger, slot, actor=actor(), why=why, to=to)
    return {
        "model": target.ref.label,
        "before": before.ref.label if before else None,
        "why": why,
        "dry_run": dry_run,
    }


def approve_proposal(
    ws: Workspace, domain: str, version: str | None, why: str, dry_run: bool, who: str | None = None, through: str = ""
) -> Json:
    """Let the version that waits serve, because a person says so.

    Args:
        ws: The workspace.
        domain: The target.
        version: The version that is meant; by default the one that waits.
        why: The person's reason.
        dry_run: Say which it would be, and write nothing.
        who: The person; by default whoever runs this process.
        through: Where they said so.
    """
    from lepton.registry.approval import approve, to_approve
    from lepton.registry.promotion import champion

    slot, ledger = ws.slot(domain), open_ledger(ws)
    if not dry_run and (done := finish_word(ws, slot, (PROMOTED,), "approval")):
        ref, before_it, said = (
            ModelRef.from_json(done.payload["model"]),
            done.payload["previous"],
            done.payload["cause"],
        )
        gate = done.payload["evidence"].get("gate", {}).get("summary", "nothing")
        return {"model": ref.label, "before": _label(before_it), "gate": gate, "why": said["why"], **_LATE}
    ref, before = to_approve(ledger, slot, version), champion(ledger, slot)
    if not dry_run:
        approve(ws, ledger, slot, version, actor=who or actor(), why=why, through=through or "the command line")
    gate = lineage_of_model(ws, ref).gate or {}
    return {
        "model": ref.label,
        "before": before.ref.label if before else None,
        "gate": gate.get("summary", "nothing"),
        "why": why,
        "dry_run": dry_run,
    }


def reject_version(
    ws: Workspace, domain: str, version: str | None, why: str, dry_run: bool, who: str | None = None
) -> Json:
    """Put on record that a person does not want a version to serve: the one that waits, or another by its number."""
    from lepton.registry.approval import reject, to_reject
    from lepton.registry.promotion import champion

    slot, ledger = ws.slot(domain), open_ledger(ws)
    if not dry_run and (done := finish_word(ws, slot, (REJECTED,))):
        now, label = champion(ledger, slot), ModelRef.from_json(done.payload["model"]).label
        return {"model": label, "serving": now.ref.label if now else None, "why": done.payload["why"], **_LATE}
    named = model_to_promote(ws, domain, version) if version else None
    ref, serving = to_reject(ledger, slot, named), champion(ledger, slot)
    if not dry_run:
        reject(ws, ledger, slot, named, actor=who or actor(), why=why)
    return {
        "model": ref.label,
        "serving": serving.ref.label if serving else None,
        "why": why,
        "dry_run": dry_run,
    }


def _label(model: Json | None) -> str | None:
    return ModelRef.from_json(model).label if model else None


def _register(
    ws: Workspace, job: TransferJob, winner: dict[str, Any], candidates: list[dict[str, Any]], verdict: dict[str, Any]
) -> tuple[ModelRef, dict[str, str]]:
    """Register the winner's folder, together with the ids that it learnt from and was judged on."""
    train, held_out = training_rows(ws, job)
    folder = candidate_folder(job, winner["label"]) / "model"
    rows = rows_of_transfer(train, held_out, winner["strategy"])
    (folder / ROWS).write_text(json.dumps(rows))
    config = ws.config.transfer_for(job.pair.target).model_dump(mode="json")
    return register_model(
        ws,
        pair_name=job.pair.name,
        folder=folder,
        run=job.run,
        strategy=winner["strategy"],
        config={
            "kind": ws.config.kind,
            "transfer": config,
            "strategy": winner["config"],
            "labels_per_class": job.labels_per_class,
            "exact": job.exact,
            "strategies": list(job.strategies),
            "validate": winner["validated"],
        },
        data=job.data,
        rows=rows,
        seed=job.seed,
        domain=job.pair.target,
        gate=verdict,
        cause=job.cause,
        cost={"seconds": sum(c["seconds"] for c in candidates), "labels": winner["labels"], "bytes": winner["size"]},
        metrics=winner["metrics"],
        key=job.key,
        threads=THREADS,
        parent=job.ancestor,
        ancestors=tuple(dict.fromkeys(ref for ref in (job.base, job.champion, job.ancestor) if ref is not None)),
        tables={"candidates.json": candidates, "gate.json": verdict},
    )
