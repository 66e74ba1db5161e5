"""A person's word before a promotion: a version is proposed, and then approved or rejected. Ledger first, as ever.

A proposal serves nobody. Whoever speaks first settles it; whoever comes second is told what became of it. It does not
outlive the champion that the gate compared it with: against another one it has proved nothing.
"""

from __future__ import annotations

from lepton.core.config.workspace import Workspace
from lepton.core.errors import Conflict, LeptonError, NotFound
from lepton.core.ledger import Action, Entry, Ledger
from lepton.core.ledger.rows import (
    Abandoned,
    Cause,
    Decisive,
    Evidence,
    Move,
    OfModel,
    Promoted,
    Proposed,
    Rejected,
    actions_of,
)
from lepton.core.refs import ModelRef, domain_of
from lepton.core.work.faults import reached
from lepton.registry.champions import Champion, champion
from lepton.registry.eligibility import waiting
from lepton.registry.projection import MOVES, project
from lepton.registry.promotion import commit, refuse_recalled, show, verify

WORDS: tuple[Action, ...] = actions_of(Decisive, Rejected, Abandoned)
"""Rows of a pair that settle a proposal, or take its place."""


def propose(
    ledger: Ledger,
    pair: str,
    ref: ModelRef,
    *,
    actor: str,
    cause: Cause,
    evidence: Evidence,
    expect_seq: int | None = None,
) -> Entry[Proposed]:
    """Put a verified version on record as waiting for a person's word; doing so twice writes one row.

    Raises:
        Conflict: If another champion serves than the gate compared with; nothing was written.
        LeptonError: If the version was recalled.
    """
    refuse_recalled(ledger, ref)
    before = waiting(ledger, pair)
    if before is not None and before.row.model.key == ref.key:
        return before
    serving = champion(ledger, pair)
    row = Proposed(ref, serving.ref if serving else None, cause, evidence)
    entry = ledger.record(actor, pair, row, expect_seq=expect_seq, expect_of=MOVES)
    reached("promote.proposed")
    return entry


def approve(
    ws: Workspace,
    ledger: Ledger,
    pair: str,
    version: str | None = None,
    *,
    actor: str,
    why: str,
    through: str,
) -> Champion:
    """Let the version that waits serve; the person, the reason and the gate's evidence go on record.

    Args:
        ws: The workspace.
        ledger: Its ledger.
        pair: The pair.
        version: The version that is meant; by default the one that waits.
        actor: The person.
        why: Their reason.
        through: Where they said so.

    Raises:
        Conflict: If the proposal was settled or overtaken; says by whom and when.
        NotFound: If nothing was proposed.
        LeptonError: If the model does not verify any more; nothing was written.
    """
    entry, newest = _waiting(ledger, pair, version), ledger.last(pair, WORDS)
    row, ref = entry.row, entry.row.model
    verify(ws, ref)
    reached("promote.approval-verified")
    said = Cause("approval", why, who=actor, through=through, proposal=entry.seq, proposed_because=row.cause)
    commit(
        ledger,
        pair,
        ref,
        actor=actor,
        cause=said,
        evidence=row.evidence,
        expect_seq=newest.seq if newest else 0,
        expect_of=WORDS,
    )
    return show(ws, ledger, pair)


def reject(ws: Workspace, ledger: Ledger, pair: str, ref: ModelRef | None = None, *, actor: str, why: str) -> ModelRef:
    """Put on record that a person does not want a version to serve: the one that waits, or any that does not serve.

    Raises:
        Conflict: If it was settled meanwhile; says by whom and when.
        NotFound: If no version is given and none waits.
        LeptonError: If the version serves.
    """
    newest = ledger.last(pair, WORDS)
    ref = to_reject(ledger, pair, ref)
    expected = newest.seq if newest else 0
    ledger.record(actor, pair, Rejected(ref, why), expect_seq=expected, expect_of=WORDS)
    reached("reject.recorded")
    try:
        project(ws, ledger, pair)
    except LeptonError as error:
        raise LeptonError(
            f"{ref.label} is rejected, but MLflow's alias could not be moved.",
            why=f"{error.what} {error.why}".strip(),
            fix=["lepton doctor  (moves the alias when MLflow can be reached again)"],
        ) from None
    reached("reject.shown")
    return ref


def to_reject(ledger: Ledger, pair: str, ref: ModelRef | None) -> ModelRef:
    """Return the version that a rejection would speak of. Raises as `reject` does; writes nothing."""
    if ref is None:
        return _waiting(ledger, pair, None).row.model
    serving = champion(ledger, pair)
    if serving is not None and serving.ref == ref:
        raise LeptonError(
            f"{ref.label} serves: what serves is not rejected, it is replaced.",
            fix=[f"lepton rollback {domain_of(pair)}", f'lepton recall {ref.name}@{ref.version} --why "..."'],
        )
    said = [entry for entry in ledger.rows(pair, Rejected, Proposed) if entry.row.model.version == ref.version][-1:]
    if said and isinstance(said[0].row, Rejected):
        raise Conflict(f"{ref.label} is rejected already.", why=_said(said[0]))
    return ref


def to_approve(ledger: Ledger, pair: str, version: str | None) -> ModelRef:
    """Return the version that an approval would let serve. Raises as `approve` does; writes nothing."""
    return _waiting(ledger, pair, version).row.model


def what_became(ledger: Ledger, pair: str, version: str | None = None) -> LeptonError | None:
    """Return how a proposal was settled or overtaken, as an error to show; None while it waits.

    Args:
        ledger: The ledger.
        pair: The pair.
        version: Of which version; by default of the newest that was proposed.
    """
    waits = waiting(ledger, pair)
    if waits is not None and version in (None, waits.row.model.version):
        return None
    asked = [entry for entry in ledger.rows(pair, Proposed) if version in (None, entry.row.model.version)]
    if not asked:
        which = f"Version {version}" if version else "No version"
        return NotFound(
            f"{which} of {pair} {'does not wait' if version else 'waits'} for a person's word.",
            why="A version waits when it passed the gate and lepton.yaml says transfer.approval: person.",
            fix=[
                f"lepton transfer {domain_of(pair)}",
                f'lepton promote {domain_of(pair)} VERSION --why "..."  (by hand)',
            ],
        )
    proposed = asked[-1]
    label = proposed.row.model.label
    for later in ledger.rows(pair, Decisive, Rejected, Abandoned, after=proposed.seq):
        same = later.row.model.key == proposed.row.model.key
        if same and isinstance(later.row, Promoted):
            return Conflict(f"{label} was approved already.", why=_said(later))
        if same and isinstance(later.row, Rejected | Abandoned):
            return Conflict(f"{label} was {later.action} already.", why=_said(later))
        if isinstance(later.row, Move):
            now = later.row.model.label
            return Conflict(
                f"The proposal of {label} was overtaken: {now} was made champion since.",
                why=f"{_said(later)}\nThe gate compared {label} with what served before.",
                fix=[f"lepton transfer {domain_of(pair)}  (asks the gate again, against what serves now)"],
            )
    if waits is not None:
        newer = waits.row.model
        return Conflict(
            f"The proposal of {label} was overtaken by that of {newer.label}, which waits.",
            fix=[f"lepton promote {domain_of(pair)} --approve {newer.version}"],
        )
    try:
        refuse_recalled(ledger, proposed.row.model)
    except LeptonError as recall:
        return recall
    return None


def _waiting(ledger: Ledger, pair: str, version: str | None) -> Entry[Proposed]:
    """Return the proposal that waits, if it is the one that is meant; else raise what became of it."""
    wanted = version.removeprefix("v") if version else None
    row, settled = waiting(ledger, pair), what_became(ledger, pair, wanted)
    if settled is not None:
        raise settled
    assert row is not None
    return row


def _said(entry: Entry[OfModel]) -> str:
    row = entry.row
    why = row.why if isinstance(row, Decisive | Rejected | Abandoned) else ""
    return f"By {entry.actor}, {entry.time[:19].replace('T', ' ')} UTC" + (f": {why}" if why else ".")
