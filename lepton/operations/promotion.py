"""A person decides which version serves: promote, roll back, approve, reject. What the gate said stands beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lepton.core.ledger.rows import Cause, Evidence, Promoted, Rejected, RolledBack, summary_of
from lepton.core.refs import ModelRef
from lepton.operations.registration import model_to_promote
from lepton.operations.result import Facts, Json, Result
from lepton.operations.serve.graphs import prepare
from lepton.operations.session import Serving, Session
from lepton.operations.transfer.interruption import finish_word


@dataclass(frozen=True)
class PromotionResult(Result):
    """Which version serves because a person said so."""

    model: str
    """Label of the version."""
    before: str | None
    """What served before."""
    why: str
    gate: str | None = None
    """What the gate had said of it, in one line; None after a rollback, which does not ask."""
    dry_run: bool = False
    interrupted: bool = False
    """Whether the word was on record already, of a command that was killed after it, and is only finished."""

    @property
    def changed(self) -> bool:
        """Whether another version serves now."""
        return not (self.dry_run or self.before == self.model)

    def facts(self) -> Facts:
        """Return what a person wants to know, the most important first."""
        verb = "would serve" if self.dry_run else "serves"
        gate = {} if self.gate is None else {"gate said": self.gate}
        return {verb: self.model, "before": self.before or "none", **gate, "why": self.why}

    def to_json(self) -> Json:
        """Return a JSON object."""
        gate = {} if self.gate is None else {"gate": self.gate, "changed": self.changed}
        return {"model": self.model, "before": self.before, **gate, **_end(self.why, self.dry_run, self.interrupted)}


@dataclass(frozen=True)
class RejectionResult(Result):
    """Which version a person does not want."""

    model: str
    serving: str | None
    """What serves, as before."""
    why: str
    dry_run: bool = False
    interrupted: bool = False

    def facts(self) -> Facts:
        """Return what a person wants to know, the most important first."""
        verb = "would reject" if self.dry_run else "rejected"
        return {verb: self.model, "why": self.why, "serves": self.serving or "none"}

    def to_json(self) -> Json:
        """Return a JSON object."""
        return {"model": self.model, "serving": self.serving, **_end(self.why, self.dry_run, self.interrupted)}


def promote_by_hand(session: Session, domain: str, version: str, why: str, dry_run: bool) -> PromotionResult:
    """Let a version serve because a person says so; what the gate said of it goes on record beside the reason.

    Raises:
        NotFound: If there is no such version.
        LeptonError: If it is recalled, or its files are damaged.
    """
    from lepton.registry.champions import champion
    from lepton.registry.promotion import promote

    slot, ledger = session.ws.slot(domain), session.ledger
    ref = model_to_promote(session, domain, version)
    serving = champion(ledger, slot)
    lineage = session.lineage(ref)
    gate = lineage.gate or {}
    if not dry_run:
        evidence = Evidence(gate, lineage.metrics, by_hand=True)
        expected = serving.seq if serving else 0
        cause = Cause("manual", why)
        prepare(session, domain, Serving(ref))
        promote(session.ws, ledger, slot, ref, actor=session.actor, cause=cause, evidence=evidence, expect_seq=expected)
    return PromotionResult(ref.label, serving.ref.label if serving else None, why, _said(gate), dry_run)


def roll_back(session: Session, domain: str, to: str | None, why: str, dry_run: bool) -> PromotionResult:
    """Give a target an earlier champion back.

    Raises:
        NotFound: If there is none to go back to.
    """
    from lepton.registry.champions import champion
    from lepton.registry.promotion import rollback, rollback_target

    slot, ledger = session.ws.slot(domain), session.ledger
    if not dry_run and (done := finish_word(session, slot, RolledBack, "rollback")):
        return PromotionResult(done.model.label, _label(done.previous), done.why, interrupted=True)
    before = champion(ledger, slot)
    target = rollback_target(ledger, slot, to)
    if not dry_run:
        prepare(session, domain, Serving(target.ref))
        target = rollback(session.ws, ledger, slot, actor=session.actor, why=why, to=to)
    return PromotionResult(target.ref.label, before.ref.label if before else None, why, dry_run=dry_run)


def approve_proposal(
    session: Session,
    domain: str,
    version: str | None,
    why: str,
    dry_run: bool,
    who: str | None = None,
    through: str = "",
) -> PromotionResult:
    """Let the version that waits serve, because a person says so.

    Args:
        session: The workspace at work.
        domain: The target.
        version: The version that is meant; by default the one that waits.
        why: The person's reason.
        dry_run: Say which it would be, and write nothing.
        who: The person; by default whoever runs this process.
        through: Where they said so.

    Raises:
        NotFound: If none waits.
        Conflict: If somebody settled it meanwhile.
    """
    from lepton.registry.approval import approve, to_approve
    from lepton.registry.champions import champion

    slot, ledger = session.ws.slot(domain), session.ledger
    if not dry_run and (done := finish_word(session, slot, Promoted, "approval")):
        gate = _said(done.gate)
        return PromotionResult(done.model.label, _label(done.previous), done.why, gate, interrupted=True)
    ref, before = to_approve(ledger, slot, version), champion(ledger, slot)
    if not dry_run:
        prepare(session, domain, Serving(ref))
        approve(
            session.ws,
            ledger,
            slot,
            version,
            actor=who or session.actor,
            why=why,
            through=through or "the command line",
        )
    gate = _said(session.lineage(ref).gate or {})
    return PromotionResult(ref.label, before.ref.label if before else None, why, gate, dry_run)


def reject_version(
    session: Session, domain: str, version: str | None, why: str, dry_run: bool, who: str | None = None
) -> RejectionResult:
    """Put on record that a person does not want a version to serve: the one that waits, or another by its number.

    Raises:
        NotFound: If none waits, or there is no such version.
        Conflict: If it serves, or somebody settled it meanwhile.
    """
    from lepton.registry.approval import reject, to_reject
    from lepton.registry.champions import champion

    slot, ledger = session.ws.slot(domain), session.ledger
    if not dry_run and (done := finish_word(session, slot, Rejected)):
        now = champion(ledger, slot)
        return RejectionResult(done.model.label, now.ref.label if now else None, done.why, interrupted=True)
    named = model_to_promote(session, domain, version) if version else None
    ref, serving = to_reject(ledger, slot, named), champion(ledger, slot)
    if not dry_run:
        reject(session.ws, ledger, slot, named, actor=who or session.actor, why=why)
    return RejectionResult(ref.label, serving.ref.label if serving else None, why, dry_run)


def _said(gate: Mapping[str, Any]) -> str:
    return summary_of(gate) or "nothing"


def _label(model: ModelRef | None) -> str | None:
    return model.label if model else None


def _end(why: str, dry_run: bool, interrupted: bool) -> Mapping[str, Any]:
    return {"why": why, "dry_run": dry_run} | ({"interrupted": True} if interrupted else {})
