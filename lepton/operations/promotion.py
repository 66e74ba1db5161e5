"""A person decides which version serves: promote, roll back, approve, reject. What the gate said stands beside it."""

from __future__ import annotations

from typing import Any

from lepton.core.ledger import PROMOTED, REJECTED, ROLLED_BACK
from lepton.core.refs import ModelRef
from lepton.operations.registration import model_to_promote
from lepton.operations.session import Session
from lepton.operations.transfer.interruption import finish_word

Json = dict[str, Any]

_LATE = {"dry_run": False, "interrupted": True}
"""Of a command that was killed after its word was on record; given again it is only finished."""


def promote_by_hand(session: Session, domain: str, version: str, why: str, dry_run: bool) -> dict[str, Any]:
    """Let a version serve because a person says so; what the gate said of it goes on record beside the reason."""
    from lepton.registry.promotion import champion, promote

    slot, ledger = session.ws.slot(domain), session.ledger
    ref = model_to_promote(session, domain, version)
    serving = champion(ledger, slot)
    lineage = session.lineage(ref)
    gate = lineage.gate or {}
    if not dry_run:
        evidence = {"gate": gate, "metrics": lineage.metrics, "by_hand": True}
        expected = serving.seq if serving else 0
        cause = {"kind": "manual", "why": why}
        promote(session.ws, ledger, slot, ref, actor=session.actor, cause=cause, evidence=evidence, expect_seq=expected)
    return {
        "model": ref.label,
        "before": serving.ref.label if serving else None,
        "gate": gate.get("summary", "nothing"),
        "why": why,
        "dry_run": dry_run,
    }


def roll_back(session: Session, domain: str, to: str | None, why: str, dry_run: bool) -> dict[str, Any]:
    """Give a target an earlier champion back."""
    from lepton.registry.promotion import champion, rollback, rollback_target

    slot, ledger = session.ws.slot(domain), session.ledger
    if not dry_run and (done := finish_word(session, slot, (ROLLED_BACK,), "rollback")):
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
        target = rollback(session.ws, ledger, slot, actor=session.actor, why=why, to=to)
    return {
        "model": target.ref.label,
        "before": before.ref.label if before else None,
        "why": why,
        "dry_run": dry_run,
    }


def approve_proposal(
    session: Session,
    domain: str,
    version: str | None,
    why: str,
    dry_run: bool,
    who: str | None = None,
    through: str = "",
) -> Json:
    """Let the version that waits serve, because a person says so.

    Args:
        session: The workspace at work.
        domain: The target.
        version: The version that is meant; by default the one that waits.
        why: The person's reason.
        dry_run: Say which it would be, and write nothing.
        who: The person; by default whoever runs this process.
        through: Where they said so.
    """
    from lepton.registry.approval import approve, to_approve
    from lepton.registry.promotion import champion

    slot, ledger = session.ws.slot(domain), session.ledger
    if not dry_run and (done := finish_word(session, slot, (PROMOTED,), "approval")):
        ref, before_it, said = (
            ModelRef.from_json(done.payload["model"]),
            done.payload["previous"],
            done.payload["cause"],
        )
        gate = done.payload["evidence"].get("gate", {}).get("summary", "nothing")
        return {"model": ref.label, "before": _label(before_it), "gate": gate, "why": said["why"], **_LATE}
    ref, before = to_approve(ledger, slot, version), champion(ledger, slot)
    if not dry_run:
        approve(
            session.ws,
            ledger,
            slot,
            version,
            actor=who or session.actor,
            why=why,
            through=through or "the command line",
        )
    gate = session.lineage(ref).gate or {}
    return {
        "model": ref.label,
        "before": before.ref.label if before else None,
        "gate": gate.get("summary", "nothing"),
        "why": why,
        "dry_run": dry_run,
    }


def reject_version(
    session: Session, domain: str, version: str | None, why: str, dry_run: bool, who: str | None = None
) -> Json:
    """Put on record that a person does not want a version to serve: the one that waits, or another by its number."""
    from lepton.registry.approval import reject, to_reject
    from lepton.registry.promotion import champion

    slot, ledger = session.ws.slot(domain), session.ledger
    if not dry_run and (done := finish_word(session, slot, (REJECTED,))):
        now, label = champion(ledger, slot), ModelRef.from_json(done.payload["model"]).label
        return {"model": label, "serving": now.ref.label if now else None, "why": done.payload["why"], **_LATE}
    named = model_to_promote(session, domain, version) if version else None
    ref, serving = to_reject(ledger, slot, named), champion(ledger, slot)
    if not dry_run:
        reject(session.ws, ledger, slot, named, actor=who or session.actor, why=why)
    return {
        "model": ref.label,
        "serving": serving.ref.label if serving else None,
        "why": why,
        "dry_run": dry_run,
    }


def _label(model: Json | None) -> str | None:
    return ModelRef.from_json(model).label if model else None
