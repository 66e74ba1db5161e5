"""A person's word about a proposed version, asked for by whoever orchestrates; the command line does the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lepton.core.errors import Conflict
from lepton.core.ledger.rows import Proposed
from lepton.operations.promotion import approve_proposal, reject_version
from lepton.operations.result import Facts, Result
from lepton.operations.session import Session


@dataclass(frozen=True)
class ApprovalResult(Result):
    """What became of a proposal that a person was asked about."""

    outcome: Literal["approved", "rejected", "settled"]
    """settled: by somebody else, or overtaken by another champion."""
    model: str | None = None
    by: str | None = None
    """Who said so."""
    how: str | None = None
    """How it was settled."""

    def facts(self) -> Facts:
        """Return what a person wants to know, the most important first."""
        return {key: value for key, value in super().facts().items() if value is not None}


def settlement_of(session: Session, domain: str, version: str) -> str | None:
    """Return how a proposal was settled or overtaken; None while it waits."""
    from lepton.registry.approval import what_became

    became = what_became(session.ledger, session.ws.pair(domain).name, version)
    return became.render() if became else None


def describe(session: Session, domain: str, version: str) -> str:
    """Return what a person needs to know, as Markdown above a form."""
    from lepton.registry.approval import to_approve
    from lepton.registry.champions import champion

    pair, ledger = session.ws.pair(domain).name, session.ledger
    ref, serving = to_approve(ledger, pair, version), champion(ledger, pair)
    proposals = reversed(ledger.rows(pair, Proposed))
    proposal = next(entry.row for entry in proposals if entry.row.model.version == ref.version)
    figures = {name: value for name, value in (proposal.evidence.metrics or {}).items() if isinstance(value, float)}
    lines = [
        f"**{ref.label}** passed the gate for **{domain}** and waits for your word.",
        "",
        f"- serves now: {serving.ref.label if serving else 'nothing'}",
        f"- gate: {proposal.evidence.summary or '-'}",
        *(f"- {name}: {value:.3f}" for name, value in figures.items()),
    ]
    return "\n".join(lines)


def carry_out(
    session: Session, domain: str, version: str, decision: str, who: str, why: str, through: str
) -> ApprovalResult:
    """Approve or reject in the person's name; if somebody was first, say so."""
    actor = f"user:{who}"
    try:
        if decision == "approve":
            done = approve_proposal(session, domain, version, why, False, who=actor, through=through)
            return ApprovalResult("approved", done.model, who)
        rejected = reject_version(session, domain, version, why, False, who=actor)
        return ApprovalResult("rejected", rejected.model, who)
    except Conflict as first:
        return ApprovalResult("settled", how=first.render())
