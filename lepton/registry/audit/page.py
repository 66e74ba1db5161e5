"""The ledger as a page for people: who served when and why, then every decision. One file, no script, no link."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lepton.core.html import render
from lepton.core.ledger import Entry
from lepton.core.ledger.rows import Evidence, Move
from lepton.registry.audit.history import decision_line, monotone

TONES = {
    "promoted": "good",
    "rolled_back": "warn",
    "refused": "bad",
    "rejected": "bad",
    "recalled": "bad",
    "delivery_refused": "bad",
    "forgotten": "warn",
    "abandoned": "warn",
    "proposed": "warn",
}


def page(
    project: str, everything: Sequence[Entry], entries: Sequence[Entry], begin: datetime | None, end: datetime | None
) -> str:
    """Return the page's HTML; every text in it is escaped.

    Args:
        project: For the title.
        everything: All rows, in order: who served at the beginning stands before it.
        entries: The rows of the time that is asked for.
        begin: Its first moment; None for the ledger's own beginning.
        end: The moment before which it ends; None for now.
    """
    moves = [(entry, move) for entry in everything if (move := entry.of(Move)) is not None]
    counts = Counter(row.action.replace("_", " ") for row in entries)
    found = {pair: _reigns(pair, moves, begin, end) for pair in dict.fromkeys(entry.pair for entry, _ in moves)}
    return render(
        "lepton.registry.audit",
        "page.html",
        title=f"Audit of {project}",
        span=_span(begin, end),
        numbers=f"{entries[0].seq} to {entries[-1].seq} of {everything[-1].seq}" if entries else "none in this time",
        head=f"{everything[-1].seq}:{everything[-1].hash}" if everything else "",
        counts=", ".join(f"{count} {action}" for action, count in sorted(counts.items())) or "-",
        served={pair: reigns for pair, reigns in found.items() if reigns},
        decisions=[
            {
                "seq": row.seq,
                "time": f"{row.at:%Y-%m-%d %H:%M:%S}",
                "pair": row.pair,
                "tone": TONES.get(row.action, ""),
                "action": row.action.replace("_", " "),
                "words": decision_line(row),
                "actor": row.actor,
            }
            for row in entries
        ],
    )


@dataclass(frozen=True)
class Reign:
    """A time in which a version served, in the words of the page."""

    version: str
    since: str
    until: str
    """Empty while it serves."""
    actor: str
    why: str
    proof: str
    row: int


def _reigns(
    pair: str, moves: Sequence[tuple[Entry, Move]], begin: datetime | None, end: datetime | None
) -> list[Reign]:
    """Return the reigns of a pair that reach into the time that is asked for."""
    mine = [(entry, move) for entry, move in moves if entry.pair == pair]
    times = list(monotone(entry.at for entry, _ in mine))
    return [
        Reign(
            version=move.model.version,
            since=f"{since:%Y-%m-%d %H:%M:%S}",
            until=f"{until:%Y-%m-%d %H:%M:%S}" if until else "",
            actor=entry.actor,
            why=move.cause.line,
            proof=_proof(move.evidence),
            row=entry.seq,
        )
        for (entry, move), since, until in zip(mine, times, [*times[1:], None], strict=True)
        if not ((begin and until and until <= begin) or (end and since >= end))
    ]


def _proof(found: Evidence) -> str:
    parts = [found.summary] if found.summary else []
    if isinstance(found.accuracy, float):
        parts.append(f"accuracy {found.accuracy:.3f}")
    if found.by_hand:
        parts.append("promoted by hand")
    return "; ".join(parts) or "none needed: it served before"


def _span(begin: datetime | None, end: datetime | None) -> str:
    first = f"{begin:%Y-%m-%d %H:%M}" if begin else "the beginning"
    return f"From {first} to {f'{end:%Y-%m-%d %H:%M}' if end else 'now'}"
