"""What serves a pair, and what served it before: told from the ledger alone, so that asking needs no registry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lepton.core.ledger import Entry, Ledger
from lepton.core.ledger.rows import Cause, Evidence, Move, Refused
from lepton.core.refs import ModelRef


@dataclass(frozen=True)
class Champion:
    """One reign: a version that serves, or served, a pair."""

    ref: ModelRef
    since: str
    """UTC, ISO 8601."""
    cause: Cause
    evidence: Evidence
    """Empty after a rollback, which needs none."""
    actor: str
    seq: int
    """The ledger's row; pass it as `expect_seq` to promote over exactly this champion."""
    until: str | None = None
    """When the next one took over; None while it serves."""


def champion(ledger: Ledger, pair: str) -> Champion | None:
    """Return what serves a pair according to the ledger, or None if nothing does."""
    entry = ledger.last_row(pair, Move)
    return _reign(entry) if entry else None


def history(ledger: Ledger, pair: str) -> list[Champion]:
    """Return every reign of a pair, oldest first."""
    reigns = [_reign(entry) for entry in ledger.rows(pair, Move)]
    ends = [*(reign.since for reign in reigns[1:]), None]
    return [replace(reign, until=end) for reign, end in zip(reigns, ends, strict=False)]


def stack(reigns: Sequence[Champion]) -> list[Champion]:
    """Return the champions as a pile: a promotion lays one on top, a rollback takes off what lies above its target."""
    pile: list[Champion] = []
    for reign in reigns:
        depth = next((at for at, below in enumerate(pile) if below.ref == reign.ref), None)
        if reign.cause.kind in ("rollback", "recall") and depth is not None:
            del pile[depth + 1 :]
        else:
            pile.append(reign)
    return pile


def stand_in(ledger: Ledger, pair: str) -> ModelRef | None:
    """Return the base that answers for a pair provisionally: nothing serves it, and its last transfer named one."""
    refused = ledger.last_row(pair, Refused)
    return None if refused is None or champion(ledger, pair) is not None else refused.row.provisional


def _reign(entry: Entry[Move]) -> Champion:
    row = entry.row
    return Champion(row.model, entry.time, row.cause, row.evidence, entry.actor, entry.seq)
