"""What happened to a domain's data: its log, and what two of its states differ in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lepton.core.errors import UsageError
from lepton.operations.data.states import Named, slot_of, state_now, state_of
from lepton.operations.result import Facts, Json, Result
from lepton.operations.session import Session

if TYPE_CHECKING:
    from lepton.data.history import Event
    from lepton.data.past import Difference


@dataclass(frozen=True)
class StatesCompared(Result):
    """What was added and removed from one state of a domain to another."""

    a: Named
    b: Named
    difference: Difference
    with_rows: bool
    """Whether the rows are named by their ids, or only counted."""

    def facts(self) -> Facts:
        """Return what a person wants to know, the most important first."""
        found = self.difference
        told: Facts = {"from": self.a.words, "to": self.b.words}
        for kind, names in (("batches added", found.batches_added), ("batches removed", found.batches_removed)):
            told[kind] = f"{len(names)}{': ' + ', '.join(names) if names else ''}"
        for kind in ("added", "removed", "relabelled"):
            told[f"rows {kind}"] = f"{len(getattr(found, kind)):,}"
        return told | ({"not compared": ", ".join(found.gone)} if found.gone else {})

    def to_json(self) -> Json:
        """Return a JSON object."""
        return {"a": self.a.to_json(), "b": self.b.to_json(), **self.difference.to_json(self.with_rows)}


def history(session: Session, domain: str) -> list[Event]:
    """Return everything that happened to a domain's data, oldest first; see `lepton.data.history`.

    Raises:
        NotFound: If there is no such domain.
    """
    from lepton.contract.quarantine import quarantined
    from lepton.data.history import fold
    from lepton.data.store import batch_files, label_files

    slot = slot_of(session, domain)
    refused = [entry.reason for entry in reversed(quarantined(session.ws, domain))]
    events = fold(
        session.ledger.entries(),
        domain,
        slot,
        refused,
        list(batch_files(session.ws, domain)),
        list(label_files(session.ws, domain)),
    )
    if all(event.kind == "published" for event in events):  # that speaks of every domain there is
        session.ws.check_known(domain)
    return events


def compare_states(session: Session, a: str, b: str | None, use: str, with_rows: bool) -> StatesCompared:
    """Return what was added and removed from state `a` to state `b`, by default to now.

    Raises:
        UsageError: If they are states of different domains.
        NotFound: If one of them does not exist.
    """
    from lepton.data.past import compare

    first = state_of(session, a, use)
    second = state_of(session, b, use) if b else state_now(session, first.was.domain)
    if first.was.domain != second.was.domain:
        raise UsageError(
            f"{a} and {b} are states of two domains, {first.was.domain} and {second.was.domain}.",
            fix=[f"lepton data diff {a} {first.was.domain}@now"],
        )
    return StatesCompared(first, second, compare(session.ws, first.was, second.was), with_rows)
