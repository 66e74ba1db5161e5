"""What an auditor asks of the ledger: who served when, and is what I read the whole truth. Folded from its rows alone.

The order of the rows is their number, never their time: a clock can be set back. Where a time is asked for, a row
counts as written no earlier than the rows before it, so the past of a pair is one line without loops.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from lepton.core.errors import LeptonError, NotFound, UsageError
from lepton.core.ledger import Entry, Ledger
from lepton.core.ledger.chain import Sealed
from lepton.core.ledger.rows import (
    KINDS,
    Abandoned,
    Acknowledged,
    Alerted,
    Cause,
    Decided,
    DeliveryRefused,
    Evidence,
    Forgotten,
    Ingested,
    Measured,
    Move,
    Observed,
    OfRecall,
    Promoted,
    Proposed,
    Published,
    Refused,
    Registered,
    Rejected,
    RolledBack,
    Row,
    Snoozed,
    TransferFinished,
    TransferStarted,
)
from lepton.core.refs import ModelRef, domain_of
from lepton.registry.champions import Champion, history


@dataclass(frozen=True)
class Reign:
    """A version that served a pair from one moment to another."""

    champion: Champion
    begin: datetime
    end: datetime | None
    """None while it serves."""
    earned: Evidence
    """The evidence that first let it serve: a rollback has none of its own."""

    @property
    def model(self) -> ModelRef:
        """The version."""
        return self.champion.ref

    @property
    def by(self) -> str:
        """Who let it serve."""
        return self.champion.actor

    @property
    def cause(self) -> Cause:
        """Why it came to serve."""
        return self.champion.cause

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return {
            "model": self.model.to_json(),
            "from": self.begin.isoformat(timespec="seconds"),
            "to": self.end.isoformat(timespec="seconds") if self.end else None,
            "by": self.by,
            "cause": self.cause.to_json(),
            "evidence": self.earned.to_json(),
            "ledger_row": self.champion.seq,
        }


def reigns(ledger: Ledger, pair: str) -> list[Reign]:
    """Return who served a pair, oldest first, without gaps."""
    found, earned = history(ledger, pair), dict[tuple[str, str], Evidence]()
    begins = list(monotone(datetime.fromisoformat(one.since) for one in found))
    result = []
    for one, begin, end in zip(found, begins, [*begins[1:], None], strict=True):
        key = one.ref.key
        if one.evidence != Evidence():
            earned[key] = one.evidence
        result.append(Reign(replace(one, until=None), begin, end, earned.get(key, Evidence())))
    return result


def served_at(ledger: Ledger, pair: str, at: datetime | None) -> Reign:
    """Return what served a pair at a moment; None: now.

    Raises:
        NotFound: If nothing did.
    """
    found = reigns(ledger, pair)
    for reign in reversed(found):
        if at is None or reign.begin <= at:
            return reign
    first = f"The first champion, {found[0].champion.ref.label}, serves since {found[0].begin:%Y-%m-%d %H:%M:%S} UTC."
    raise NotFound(
        f"Nothing served {pair} at {at:%Y-%m-%d %H:%M:%S} UTC." if at else f"Nothing serves {pair} yet.",
        why=first if found else "The ledger has no promotion of it.",
        fix=[f"lepton audit served {domain_of(pair)} --all", "lepton status"],
    )


def monotone(times: Iterable[datetime]) -> Iterable[datetime]:
    """Yield times so that none lies before an earlier one."""
    latest: datetime | None = None
    for time in times:
        latest = time if latest is None else max(latest, time)
        yield latest


def moment(text: str, to_its_end: bool = False) -> datetime:
    """Read an ISO date or time; without an offset it is UTC.

    Args:
        text: `2026-03-14`, `2026-03-14T09:30`, `2026-03-14 09:30:00+01:00`.
        to_its_end: Let a bare date mean the end of that day and a time the end of its second: what is shown to the
            second must be found by what is shown.

    Raises:
        UsageError: If it is none.
    """
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(f"{text!r} is no date or time.", fix=["write 2026-03-14, or 2026-03-14T09:30 (UTC)"]) from None
    if to_its_end:
        bare = len(text.strip()) == len("2026-03-14")
        found += timedelta(days=1) if bare else timedelta(microseconds=0 if found.microsecond else 999_999)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def within(entries: Sequence[Entry], begin: datetime | None, end: datetime | None) -> list[Entry]:
    """Return the rows from `begin` on and before `end`: always rows that follow each other."""
    times = monotone(entry.at for entry in entries)
    return [
        entry
        for entry, time in zip(entries, times, strict=True)
        if (begin is None or time >= begin) and (end is None or time < end)
    ]


def noted_head(text: str) -> tuple[int, str]:
    """Read `SEQ:HASH` as `lepton audit verify` prints it.

    Raises:
        UsageError: If it is not of this form.
    """
    number, _, found = text.partition(":")
    if not (number.isdigit() and len(found) >= 16 and set(found) <= set("0123456789abcdef")):
        raise UsageError(f"{text!r} is no head of a ledger.", fix=["write it as lepton audit verify printed it"])
    return int(number), found


def check_noted(rows: Sequence[Sealed], noted: tuple[int, str]) -> list[str]:
    """Return what is wrong if a head that somebody noted earlier is not a row of the chain any more.

    It finds what the chain alone cannot: a ledger that was rewritten from some row on and sealed anew.
    """
    seq, found = noted
    row = next((row for row in rows if row.seq == seq), None)
    if row is None:
        return [f"row {seq}, which was noted as the head, is gone"]
    if not str(row.hash).startswith(found):
        return [f"row {seq} is not the row that was noted as the head: the chain was written anew"]
    return []


def tampered(problems: Sequence[str]) -> LeptonError:
    """Return the error for a ledger that does not hold."""
    shown = [*problems[:20], *([f"... and {len(problems) - 20} more"] if len(problems) > 20 else [])]
    return LeptonError(
        f"The ledger was tampered with, or is damaged: {len(problems)} problems.",
        why="\n".join(shown),
        fix=["keep this database as it is: it is evidence", "restore the ledger from a backup, then verify that"],
    )


def decision_line(entry: Entry) -> str:
    """Return what a row says, in one line; nothing of one that a newer lepton wrote."""
    return _line(entry.row) if entry.action in KINDS else ""


def _line(row: Row) -> str:
    match row:
        case Ingested():
            return f"{row.batch}: {row.rows or 0:,} rows, {row.labelled or 0:,} labelled"
        case DeliveryRefused():
            return f"{row.name}: {'; '.join(row.reasons[:3])}"
        case Registered():
            return f"{row.model.label} ({row.strategy or '?'})"
        case Promoted():
            return f"{row.model.label}: {_because(row)}"
        case RolledBack():
            return f"back to {row.model.label}: {_because(row)}"
        case Proposed():
            return f"{row.model.label} waits for a person"
        case Refused():
            return f"{row.model.label}: {row.summary}"
        case Rejected() | Abandoned():
            return f"{row.model.label}: {row.why}"
        case OfRecall():
            return f"{row.subject.line}: {row.why}"
        case Observed():
            return f"{row.seen.window}: {', '.join(f'{name} {score:.2f}' for name, score in row.seen.scores.items())}"
        case Decided():
            return f"{row.window}: {row.decision.action}, {row.decision.reason}"
        case Measured():
            return f"{row.window}: accuracy {row.realised_accuracy:.3f} on {row.labelled:,} labels"
        case Alerted():
            return row.title
        case Acknowledged():
            return f"{', '.join(row.causes)}: {row.why}"
        case Snoozed():
            return f"{', '.join(row.causes)} until {row.until.isoformat()[:16]}: {row.why}"
        case TransferStarted():
            return f"cause {row.cause or '?'}, run {row.run.id}"
        case TransferFinished():
            return "ended well" if row.ok else f"failed: {row.error or ''}"
        case Forgotten():
            return f"{row.rows} rows erased: {row.why}"
        case Published():
            return f"data.dvc {row.dvc_md5[:12]}"
        case _:
            return ""


def _because(row: Move) -> str:
    return row.cause.why or row.cause.reason or row.kind
