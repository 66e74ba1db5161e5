"""The log of a domain: every delivery, refusal, recall and erasure, folded from the ledger; and who saw each batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lepton.core.ledger import Entry
from lepton.core.ledger.rows import (
    Abandoned,
    DeliveryRefused,
    Forgotten,
    Ingested,
    OfRecall,
    Published,
    Registered,
)

NOT_ON_RECORD = "not on record"


@dataclass(frozen=True)
class Event:
    """One thing that happened to a domain's data."""

    seq: int | None
    """Row of the ledger; None for what only a file tells of."""
    time: str | None
    who: str | None
    kind: str
    """rows, labels, refused, recalled, reinstated, forgotten, published, or not on record."""
    what: str
    """The batch, the delivery of labels, the refused file, or the state that was published."""
    rows: int | None = None
    """Delivered, refused or erased."""
    labelled: int | None = None
    digest: str | None = None
    """Of the DataRef; of a refused delivery, of its content."""
    dvc_md5: str | None = None
    """The state of the data folder afterwards."""
    contract: str | None = None
    """passed or refused."""
    why: str = ""
    models: Mapping[str, Sequence[str]] | None = None
    """Registered version -> the uses for which it saw the batch."""

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return asdict(self)


def fold(
    entries: Iterable[Entry],
    domain: str,
    slot: str,
    quarantined: Iterable[Mapping[str, Any]] = (),
    batches: Iterable[str] = (),
    labels: Iterable[str] = (),
) -> list[Event]:
    """Return the domain's log, in the order of the ledger; what only files tell of comes last.

    Args:
        entries: The whole ledger.
        domain: Whose log.
        slot: Under which name the ledger keeps it.
        quarantined: What is said beside each refused delivery, oldest first.
        batches: Those that lie in `data/`.
        labels: The deliveries of labels that lie there.
    """
    rows = list(entries)
    seen = who_saw(rows, domain)
    told = [event for row in rows if (event := _event(row, domain, slot, seen)) is not None]
    refused = {event.digest for event in told if event.kind == "refused"}
    for reason in quarantined:
        if reason.get("digest") is None or reason["digest"] not in refused:
            told.append(_refusal(None, reason["time"], None, reason["delivery"], reason.get("digest"), reason["lines"]))
    known = {(event.kind, event.what) for event in told}
    for kind, names in (("rows", batches), ("labels", labels)):
        for name in names:
            if (kind, name) not in known:
                why = (
                    f"{kind} are stored, but an ingest was interrupted before it was on record: deliver the file again"
                )
                told.append(Event(None, None, None, NOT_ON_RECORD, name, why=why))
    return told


def who_saw(entries: Iterable[Entry], domain: str) -> dict[str, dict[str, list[str]]]:
    """Return batch -> registered version -> the uses for which it saw the batch; undone registrations do not count."""
    rows = list(entries)
    undone = {gone.model.label for row in rows if (gone := row.of(Abandoned)) is not None}
    found: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        made = row.of(Registered)
        if made is None or made.model.label in undone:
            continue
        for use, ref in made.data_refs():
            for batch in ref.batches if ref.domain == domain else ():
                found.setdefault(batch, {}).setdefault(made.model.label, []).append(use)
    return found


def _event(entry: Entry, domain: str, slot: str, seen: Mapping[str, Any]) -> Event | None:
    """Return what a row of the ledger says about the domain; None if it says nothing."""
    at = (entry.seq, entry.time, entry.actor)
    if (row := entry.of(Published)) is not None:
        why = f"git {str(row.git_revision)[:12]}" + (f": {row.message}" if row.message else "")
        return Event(*at, "published", "data.dvc", dvc_md5=row.dvc_md5, why=why)
    if (mark := entry.of(OfRecall)) is not None:
        subject = mark.subject
        if subject.kind != "batch" or subject.domain != domain:
            return None
        return Event(*at, entry.action, str(subject.batch), why=mark.why)
    if entry.pair != slot:
        return None
    if (taken := entry.of(Ingested)) is not None:
        return Event(
            *at,
            "labels" if taken.labels else "rows",
            taken.batch,
            rows=taken.rows,
            labelled=taken.labelled,
            digest=taken.data.digest if taken.data else None,
            dvc_md5=taken.data.dvc_md5 if taken.data else None,
            contract=None if taken.passed is None else "passed" if taken.passed else "refused",
            models=None if taken.labels else seen.get(taken.batch, {}),
        )
    if (refused := entry.of(DeliveryRefused)) is not None:
        return _refusal(*at, refused.name, refused.delivery, refused.reasons, refused.rows)
    if (gone := entry.of(Forgotten)) is not None and gone.domain == domain:
        batches = ", ".join(gone.batches) or "no batch"
        md5 = gone.data.dvc_md5 if gone.data else None
        return Event(*at, "forgotten", batches, rows=gone.rows, dvc_md5=md5, why=gone.why)
    return None


def _refusal(
    seq: int | None,
    time: str | None,
    who: str | None,
    name: str,
    digest: str | None,
    reasons: Sequence[str],
    rows: int | None = None,
) -> Event:
    why = "; ".join(line.strip() for line in reasons if line.strip())
    return Event(seq, time, who, "refused", name, rows=rows, digest=digest, contract="refused", why=why)
