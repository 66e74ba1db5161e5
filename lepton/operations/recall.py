"""Recall, as the command line tells it: words to a subject, the reach, and what became of every pair."""

from __future__ import annotations

from dataclasses import dataclass

from lepton.core.errors import NotFound, UsageError
from lepton.core.ledger import Ledger
from lepton.core.ledger.rows import Subject
from lepton.core.refs import domain_of
from lepton.operations.result import Facts, Json, Result
from lepton.operations.session import Session
from lepton.registry.recall import Policy, Serving, of_batch, plans, reach, recall, reinstate


@dataclass(frozen=True)
class RecallResult(Result):
    """What a recall concerns, and what was done about it."""

    subject: str
    """The model or the batch, in words."""
    why: str
    known: bool
    """Whether it was recalled before; then only what was interrupted was finished."""
    models: tuple[str, ...]
    """Labels of all registered versions that it concerns."""
    serving: tuple[Serving, ...]
    """Every pair that served one of them, and what became of it."""
    dry_run: bool

    def facts(self) -> Facts:
        """Return what a person wants to know, the most important first."""
        verb = "would recall" if self.dry_run else "recalled"
        moved = {one.pair: f"{one.model} -> {one.moved_to}" for one in self.serving if one.moved_to}
        left = {
            one.pair: f"STILL SERVES {one.model}, which is recalled. {one.why_not}"
            for one in self.serving
            if not one.moved_to
        }
        return {verb: self.subject, "why": self.why, "versions": ", ".join(self.models) or "none", **moved, **left}

    def to_json(self) -> Json:
        """Return a JSON object."""
        serving = [{"domain": domain_of(one.pair), **one.to_json()} for one in self.serving]
        return super().to_json() | {"serving": serving}


@dataclass(frozen=True)
class LiftResult(Result):
    """A recall that was taken back; nothing was promoted."""

    subject: str
    why: str
    dry_run: bool


def recall_subject(session: Session, model: str | None, batch: str | None, why: str, dry_run: bool) -> RecallResult:
    """Recall a model or a batch; asked again it finishes what was interrupted, and moves nothing twice.

    Raises:
        UsageError: If not exactly one of both is given.
        NotFound: If there is no such model or batch.
    """
    ledger = session.ledger
    slot, subject = _subject(session, ledger, model, batch)
    found = reach(ledger, subject)

    def policy(pair: str) -> Policy:
        return session.ws.config.transfer_for(domain_of(pair)).on_recall

    if dry_run:
        serving = plans(ledger, found, policy)
    else:
        serving = recall(session.ws, ledger, slot, subject, actor=session.actor, why=why, policy=policy)
    labels = tuple(ref.label for ref in found.models)
    return RecallResult(subject.line, why, found.in_force, labels, tuple(serving), dry_run)


def lift_recall(session: Session, model: str | None, batch: str | None, why: str, dry_run: bool) -> LiftResult:
    """Take the recall of a model or a batch back.

    Raises:
        UsageError: If not exactly one of both is given.
        NotFound: If it is not recalled.
    """
    ledger = session.ledger
    slot, subject = _subject(session, ledger, model, batch)
    if not reach(ledger, subject).in_force:
        raise NotFound(f"There is no recall of {subject.line} to lift.", fix=["lepton doctor"])
    if not dry_run:
        reinstate(ledger, slot, subject, actor=session.actor, why=why)
    return LiftResult(subject.line, why, dry_run)


def _subject(session: Session, ledger: Ledger, model: str | None, batch: str | None) -> tuple[str, Subject]:
    """Return the slot in the ledger and the subject that the words mean."""
    if (model is None) == (batch is None):
        raise UsageError(
            "A recall needs a MODEL or a --batch, not both.",
            fix=['lepton recall DOMAIN@VERSION --why "..."', 'lepton recall --batch DOMAIN/BATCH --why "..."'],
        )
    if model is not None:
        from lepton.registry.lineage.find import find_model

        ref = find_model(session.ws, ledger, model)
        return ref.name.removeprefix("lepton-"), Subject.of_model(ref)
    domain, _, name = str(batch).partition("/")
    if not (domain and name):
        raise UsageError(f"{batch!r} names no batch; it is written DOMAIN/BATCH.", fix=[f"lepton data log {domain}"])
    return session.ws.slot(domain), of_batch(ledger, session.ws.slot(domain), domain, name)
