"""Promotion: register -> verify -> ledger -> alias. By the gate, by a person, and back again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from flows.records import lineage_of_model, model_to_promote, register_model
from flows.steps import actor, open_ledger
from flows.transfer_job import TransferJob, candidate_folder, training_rows
from lepton.core.errors import Conflict
from lepton.core.ledger import REFUSED
from lepton.core.refs import ModelRef
from lepton.core.workspace import Workspace


def promote_winner(
    ws: Workspace, job: TransferJob, candidates: list[dict[str, Any]], verdict: dict[str, Any]
) -> dict[str, Any]:
    """Register the winner with its lineage; let it serve if the gate passed, else leave it as challenger."""
    from lepton.registry.models import set_alias
    from lepton.registry.promotion import champion, promote

    ledger = open_ledger(ws)
    serving = champion(ledger, job.pair.name)
    if (serving.ref if serving else None) != job.champion:
        raise Conflict(
            f"Another model was promoted for {job.pair.target!r} while this one was made.",
            why=f"The gate compared with {job.champion.label if job.champion else 'no champion'}.",
            fix=[f"lepton transfer {job.pair.target}"],
        )
    winner = next(c for c in candidates if c["strategy"] == verdict["winner"])
    ref, links = _register(ws, job, winner, candidates, verdict)
    seconds = {c["strategy"]: c["seconds"] for c in candidates}
    evidence = {"gate": verdict, "metrics": winner["metrics"], "run": job.run, "seconds": seconds}
    outcome = {"model": ref.to_json(), "links": links, "metrics": winner["metrics"]}
    if not verdict["passed"]:
        ledger.append(actor(), job.pair.name, REFUSED, {"model": ref.to_json(), **evidence})
        set_alias(ws, ref, "challenger")
        why = f'lepton promote {job.pair.target} {ref.version} --why "..."'
        return {**outcome, "outcome": "refused", "next": f"{why}   (only if you know better)"}
    promote(
        ws,
        ledger,
        job.pair.name,
        ref,
        actor=actor(),
        cause=job.cause,
        evidence=evidence,
        expect_seq=serving.seq if serving else 0,
    )
    return {**outcome, "outcome": "promoted", "next": f"lepton score {job.pair.target}"}


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


def _register(
    ws: Workspace, job: TransferJob, winner: dict[str, Any], candidates: list[dict[str, Any]], verdict: dict[str, Any]
) -> tuple[ModelRef, dict[str, str]]:
    """Register the winner's folder, together with the ids that it learnt from and was judged on."""
    train, held_out = training_rows(ws, job)
    folder = candidate_folder(job, winner["strategy"]) / "model"
    rows = {"train": list(train.labelled().ids), "held_out": list(held_out.ids)}
    Path(folder / "rows.json").write_text(json.dumps(rows))
    config = ws.config.transfer_for(job.pair.target).model_dump(mode="json")
    return register_model(
        ws,
        pair_name=job.pair.name,
        folder=folder,
        run=job.run,
        strategy=winner["strategy"],
        config={"transfer": config, "strategy": winner["config"], "labels_per_class": job.labels_per_class},
        data={"train": job.data},
        domain=job.pair.target,
        gate=verdict,
        cause=job.cause,
        cost={"seconds": sum(c["seconds"] for c in candidates), "labels": winner["labels"], "bytes": winner["size"]},
        metrics=winner["metrics"],
        parent=job.ancestor,
        ancestors=tuple(dict.fromkeys(ref for ref in (job.base, job.champion) if ref is not None)),
        tables={"candidates.json": candidates, "gate.json": verdict},
    )
