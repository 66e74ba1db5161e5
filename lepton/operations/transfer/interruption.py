"""Work that was killed when its outcome was on record, but not yet its end: it is done, not to be done again."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from lepton.core.errors import LeptonError
from lepton.core.ledger import PROMOTED, PROPOSED, REFUSED, Action, Entry
from lepton.core.ledger.rows import Decisive, OfModel, Promoted, Proposed, Refused, TransferFinished
from lepton.core.refs import ModelRef
from lepton.core.work.lease import holds, last_mark
from lepton.core.work.resume import folder_of
from lepton.operations.monitor.tolerance import remark_on
from lepton.operations.session import Session
from lepton.operations.transfer.job import Request, ask, last_good_end
from lepton.registry.lineage.record import Lineage

if TYPE_CHECKING:
    from lepton.operations.transfer.result import Outcome, TransferResult

Word = TypeVar("Word", bound=OfModel)
OUTCOMES: Mapping[Action, Outcome] = {PROMOTED: "promoted", REFUSED: "refused", PROPOSED: "proposed"}


def finish_settled(session: Session, request: Request) -> TransferResult | None:
    """Put the end of an interrupted transfer on record, if it is the one that is asked for and its outcome is known.

    Whether it is the same is told by the key: what is asked for now, as it would have been asked for before that
    outcome, against the key that the model was registered with.

    Returns:
        The outcome, None if there is no such transfer: then the work is to be done.
    """
    from lepton.registry.reconcile import reconcile

    pair, ledger = session.ws.pair(request.domain), session.ledger
    mark = last_mark(ledger, pair.name)
    row: Entry[OfModel] | None = ledger.last_row(pair.name, Promoted, Refused, Proposed)
    if mark is None or row is None or holds(mark, datetime.now(UTC)) or row.seq < last_good_end(session, pair.name):
        return None
    ref = row.row.model
    lineage, before = session.lineage(ref), _champion_then(session, row)
    try:
        asked = ask(session, request, instead_of=before)
    except LeptonError:
        return None  # whoever does the work gets to hear of it
    if asked.key != lineage.key:
        return None
    for problem in reconcile(session.ws, ledger, [pair.name]).problems:
        raise problem
    ledger.record(session.actor, pair.name, TransferFinished(mark.row.run, ok=True))
    shutil.rmtree(folder_of(session.ws, "transfer", pair.name, asked.key), ignore_errors=True)
    done = _outcome(request.domain, row, ref, lineage, before)
    if done.outcome == "refused":
        return done
    return replace(done, tolerance=remark_on(session.ws, ledger, request.domain, lineage.metrics))


def finish_word(session: Session, pair: str, said: type[Word], kind: str = "") -> Word | None:
    """Finish a person's command that was killed when its word was on record and no alias had moved yet.

    Such a command is done, and given again it is not to be done again: a second rollback would go back one further.

    Args:
        session: The workspace at work.
        pair: Of which pair.
        said: The row that the command writes.
        kind: What its `cause` says, for commands that write the same kind of row.

    Returns:
        What the row says, None if nothing was left to finish.
    """
    from lepton.registry.approval import WORDS
    from lepton.registry.reconcile import reconcile

    ledger = session.ledger
    if not reconcile(session.ws, ledger, [pair]).moved:
        return None
    entry = ledger.last(pair, WORDS)
    row = entry.of(said) if entry is not None else None
    return row if row is not None and kind in ("", row.kind if isinstance(row, Decisive) else "") else None


def _champion_then(session: Session, row: Entry) -> ModelRef | None:
    """Return the champion that the transfer met."""
    promoted = row.of(Promoted)
    return session.find_champion(row.pair) if promoted is None else promoted.previous


def _outcome(domain: str, row: Entry, ref: ModelRef, lineage: Lineage, before: ModelRef | None) -> TransferResult:
    from lepton.operations.transfer.result import TransferResult
    from lepton.operations.transfer.verdict import TransferVerdict

    gate = TransferVerdict.from_json(lineage.gate) if lineage.gate else None
    return TransferResult(
        outcome=OUTCOMES[row.action],
        domain=domain,
        interrupted=True,
        model=ref,
        ancestor=lineage.parent.label if lineage.parent else None,
        winner=lineage.strategy,
        stopped=gate.stopped if gate else "",
        gate=gate,
        metrics=lineage.metrics,
        held_out_rows=gate.held_out_rows if gate else 0,
        champion=before.label if before else None,
        next=f"lepton status {domain}",
    )
