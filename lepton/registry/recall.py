"""Recall: a poisoned base or batch is marked, all that comes of it found, and what serves moved back where it may be.

The mark is written first; from then on nothing that it concerns can be promoted, rolled back to, or learnt from. Moving
the champions back follows, a row each. A process that is killed in between is finished by the same command again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError, NotFound
from lepton.core.ledger import Ledger
from lepton.core.ledger.rows import Cause, Ingested, Recalled, Registered, Reinstated, Subject
from lepton.core.refs import ModelRef
from lepton.core.work.faults import reached
from lepton.registry.champions import champion
from lepton.registry.eligibility import affected, in_force, recalled
from lepton.registry.projection import project
from lepton.registry.promotion import rollback, rollback_target

Policy = Literal["move_back", "mark"]


@dataclass(frozen=True)
class Serving:
    """A pair that serves a recalled version, and what becomes of it."""

    pair: str
    model: str
    moved_to: str | None
    """The champion that serves instead; None: the recalled one goes on serving."""
    why_not: str = ""
    """Why it was not moved back."""

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return asdict(self)


@dataclass(frozen=True)
class Reach:
    """What a recall concerns."""

    subject: Subject
    models: tuple[ModelRef, ...]
    """The subject and all its descendants, in the order of their registration."""
    pairs: tuple[str, ...]
    """Those that serve one of them."""
    in_force: bool
    """Whether the subject is recalled already."""


def of_batch(ledger: Ledger, slot: str, domain: str, batch: str) -> Subject:
    """Return a batch as the subject of a recall.

    Raises:
        NotFound: If no such batch was ever ingested.
    """
    known = [entry.row.batch for entry in ledger.rows(slot, Ingested) if not entry.row.labels]
    if batch not in known:
        raise NotFound(
            f"Domain {domain!r} never had a batch {batch!r}.",
            why=f"Its last batches: {', '.join(known[-8:]) or 'none'}.",
            fix=[f"lepton data log {domain}"],
        )
    return Subject.of_batch(domain, batch)


def reach(ledger: Ledger, subject: Subject) -> Reach:
    """Return what a recall of the subject concerns; nothing is written."""
    registered = ledger.rows(None, Registered)
    hit = affected(registered, [Recalled(subject, why="")])
    models = [entry.row.model for entry in registered if entry.row.model.key in hit]
    pairs = [
        pair
        for pair in dict.fromkeys(ref.name.removeprefix("lepton-") for ref in models)
        if (serving := champion(ledger, pair)) is not None and serving.ref.key in hit
    ]
    standing = {entry.row.subject.line for entry in in_force(ledger)}
    return Reach(subject, tuple(models), tuple(pairs), subject.line in standing)


def recall(
    ws: Workspace, ledger: Ledger, slot: str, subject: Subject, *, actor: str, why: str, policy: Callable[[str], Policy]
) -> list[Serving]:
    """Mark the subject and everything that comes of it, then move back the champions that may be moved.

    Args:
        ws: The workspace.
        ledger: Its ledger.
        slot: The pair (or source) under which the recall is written.
        subject: The model, or the batch (from `of_batch`, which knows that there is one).
        actor: Who recalls it.
        why: For the record.
        policy: Whether a pair's champion may be moved back.

    Returns:
        Every pair that served a recalled version, and what became of it.
    """
    found = reach(ledger, subject)
    if not found.in_force:
        ledger.record(actor, slot, Recalled(subject, why, found.models, found.pairs))
    reached("recall.recorded")
    done = []
    for plan in plans(ledger, found, policy):
        if plan.moved_to is not None:
            plan = _move_back(ws, ledger, plan, found, actor, why)
        done.append(plan)
        reached("recall.moved-back")
    for pair in dict.fromkeys(ref.name.removeprefix("lepton-") for ref in found.models):
        project(ws, ledger, pair)  # a recalled challenger is no challenger
    reached("recall.shown")
    return done


def plans(ledger: Ledger, found: Reach, policy: Callable[[str], Policy]) -> list[Serving]:
    """Return for every pair that serves a recalled version what is to become of it; nothing is written."""
    hit = {ref.key for ref in found.models}
    made = []
    for pair in found.pairs:
        serving = champion(ledger, pair)
        assert serving is not None
        label = serving.ref.label
        try:
            back = rollback_target(ledger, pair, without=hit)
        except NotFound as none:
            made.append(Serving(pair, label, None, none.what))
            continue
        if policy(pair) == "mark":
            made.append(Serving(pair, label, None, "lepton.yaml says transfer.on_recall: mark."))
        else:
            made.append(Serving(pair, label, back.ref.label))
    return made


def reinstate(ledger: Ledger, slot: str, subject: Subject, *, actor: str, why: str) -> None:
    """Lift the recall of a subject; nothing is promoted by that.

    Raises:
        NotFound: If it is not recalled.
    """
    standing = [entry.row.subject.line for entry in in_force(ledger)]
    if subject.line not in standing:
        raise NotFound(
            f"There is no recall of {subject.line} to lift.",
            why=f"Recalled: {', '.join(standing) or 'nothing'}. What descends from it is lifted with it.",
        )
    ledger.record(actor, slot, Reinstated(subject, why))
    reached("recall.lifted")


def serving_recalled(ledger: Ledger, pairs: list[str]) -> dict[str, str]:
    """Return the pairs that serve a recalled version, each with the reason."""
    out = recalled(ledger)
    found = {pair: champion(ledger, pair) for pair in pairs} if out else {}
    return {
        pair: f"{one.ref.label}: {out[one.ref.key]}"
        for pair, one in found.items()
        if one is not None and one.ref.key in out
    }


def _move_back(ws: Workspace, ledger: Ledger, plan: Serving, found: Reach, actor: str, why: str) -> Serving:
    """Roll one pair back; a model that does not verify, or an older one that does not either, leaves it as it is."""
    cause = Cause("recall", subject=found.subject)
    try:
        now = rollback(ws, ledger, plan.pair, actor=actor, why=why, cause=cause)
    except LeptonError as error:
        return Serving(plan.pair, plan.model, None, f"{error.what} {error.why}".strip().replace("\n", " "))
    return Serving(plan.pair, plan.model, now.ref.label)
