"""What the domain looks like now: the batches that a transfer works on, and whether a drift waits for an answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lepton.core.decisions.memory import CONFIRMED
from lepton.core.ledger import PROMOTED, ROLLED_BACK, TRANSFER_FINISHED, TRANSFER_STARTED, Entry, Ledger
from lepton.core.ledger.rows import Cause, Decided, Move, Observed, Refused, TransferFinished
from lepton.core.refs import ModelRef, Pair
from lepton.core.work.lease import running_transfer
from lepton.operations.session import Session

ATTEMPTS = 3
"""Transfers that may be killed in answer to one decision before a person has to look."""


def unanswered_drift(session: Session, domain: str) -> bool:
    """Return whether the last decision about the champion that serves found drift, and no transfer ended well since."""
    pair, ledger = session.ws.pair(domain), session.ledger
    champion, last = session.find_champion(pair.name), ledger.last_row(pair.name, Decided)
    if champion is None or last is None:
        return False
    state = last.row.decision.state
    ended = ledger.rows(pair.name, TransferFinished, after=last.seq)
    confirmed = state.phase in CONFIRMED and state.champion == champion.label
    return confirmed and not any(entry.row.ok for entry in ended)


def unanswered_retransfer(ledger: Ledger, pair_name: str, now: datetime) -> Entry[Decided] | None:
    """Return the decision to transfer that no transfer answered: not begun, or killed before its end.

    One that failed is not tried again before the controller decides so, and one that is killed each time not for ever.
    """
    rows = ledger.rows(pair_name, Decided)
    asked = next((row for row in reversed(rows) if row.row.decision.action == "retransfer"), None)
    over = not rows or rows[-1].row.decision.state.phase not in CONFIRMED
    if asked is None or over or running_transfer(ledger, pair_name, now):
        return None
    since = [row.action for row in ledger.entries(pair_name, after=asked.seq)]
    ended = {TRANSFER_FINISHED, PROMOTED, ROLLED_BACK} & set(since)
    return asked if not ended and since.count(TRANSFER_STARTED) < ATTEMPTS else None


def recalled_batches(session: Session, domain: str) -> dict[str, str]:
    """Return the batches of a domain that were recalled, each with the reason: nothing learns from them."""
    from lepton.registry.eligibility import in_force

    found = [entry.row for entry in in_force(session.ledger)]
    return {str(one.subject.batch): one.why for one in found if one.subject.batch and one.subject.domain == domain}


@dataclass(frozen=True)
class Regime:
    """What the domain looks like now."""

    batches: tuple[str, ...]
    """In the order of delivery; none where all are recalled."""
    drift: Cause | None = None
    """The drift that it began with, if one is confirmed: why a retransfer is made."""


def current_regime(session: Session, pair: Pair, champion: ModelRef | None) -> Regime:
    """Return the batches that show the domain as it is now, and the decision that drift was found by.

    Since the drift set in, if it has; else what the champion was adapted to and what was labelled since. Windows that
    nobody labelled stay out: they would move the reference along with a slow drift, until nobody could see it.
    """
    from lepton.data.store import batches as delivered
    from lepton.data.store import counts

    poisoned, ledger = recalled_batches(session, pair.target), session.ledger
    known = delivered(session.ws, pair.target)
    sound = [batch for batch in known if batch not in poisoned]
    if champion is None:
        return Regime(tuple(sound))
    last = ledger.last_row(pair.name, Decided)
    if last is not None:
        state = last.row.decision.state
        confirmed = state.phase in CONFIRMED
        if confirmed and state.since in known and state.champion == champion.label:
            seen = observed_before(ledger, last)
            drift = Cause(
                "drift",
                reason=last.row.decision.reason,
                since=state.since,
                ledger_row=last.seq,
                observation=seen.row.seen.to_json() if seen else None,
            )
            return Regime(tuple(batch for batch in known[known.index(state.since) :] if batch in sound), drift)
    learnt = session.lineage(champion).data["train"].batches
    later = known[max((known.index(batch) for batch in learnt if batch in known), default=-1) + 1 :]
    labelled = [batch for batch in later if batch in sound and counts(session.ws, pair.target, [batch])[1]]
    return Regime((*(batch for batch in learnt if batch not in poisoned), *labelled))


def observed_before(ledger: Ledger, decided: Entry) -> Entry[Observed] | None:
    """Return the observation that a decision was made on: later ones may wait for their own, or came before labels."""
    rows, about = ledger.rows(decided.pair, Observed), decided.of(Decided)
    window = about.window if about is not None else ""
    before = [row for row in reversed(rows) if row.seq < decided.seq]
    return next((row for row in before if row.row.seen.window == window), before[0] if before else None)


def refusals_in_a_row(ledger: Ledger, pair_name: str) -> int:
    """Return how many transfers the gate refused since this drift began, and since a model was last let serve."""
    found = 0
    for entry in ledger.rows(pair_name, Decided, Move, Refused):
        row = entry.row
        calm = isinstance(row, Decided) and row.decision.state.phase == "stable"
        found = 0 if calm or isinstance(row, Move) else found + isinstance(row, Refused)
    return found
