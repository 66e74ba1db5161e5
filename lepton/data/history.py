"""The log of a domain: every delivery, refusal, recall and erasure, folded from the ledger; and who saw each batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lepton.core.ledger import (
    ABANDONED,
    DELIVERY_REFUSED,
    FORGOTTEN,
    INGESTED,
    PUBLISHED,
    RECALLED,
    REGISTERED,
    REINSTATED,
    Entry,
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
    undone = {_label(row.payload["model"]) for row in rows if row.action == ABANDONED}
    found: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        if row.action != REGISTERED or (label := _label(row.payload["model"])) in undone:
            continue
        for use, ref in row.payload["lineage"]["data"].items():
            for batch in ref["batches"] if ref and ref["domain"] == domain else ():
                found.setdefault(batch, {}).setdefault(label, []).append(use)
    return found


def _event(row: Entry, domain: str, slot: str, seen: Mapping[str, Any]) -> Event | None:
    """Return what a row of the ledger says about the domain; None if it says nothing."""
    said, at = row.payload, (row.seq, row.time, row.actor)
    if row.action == PUBLISHED:
        why = f"git {str(said['git_revision'])[:12]}" + (f": {said['message']}" if said.get("message") else "")
        return Event(*at, "published", "data.dvc", dvc_md5=said["dvc_md5"], why=why)
    if row.action in (RECALLED, REINSTATED):
        subject = said["subject"]
        if subject["kind"] != "batch" or subject["domain"] != domain:
            return None
        return Event(*at, row.action, subject["batch"], why=said["why"])
    if row.pair != slot:
        return None
    if row.action == INGESTED:
        data, passed = said.get("data") or {}, (said.get("contract") or {}).get("passed")
        return Event(
            *at,
            "labels" if said.get("labels") else "rows",
            said["batch"],
            rows=said.get("rows"),
            labelled=said.get("labelled"),
            digest=data.get("digest"),
            dvc_md5=data.get("dvc_md5"),
            contract=None if passed is None else "passed" if passed else "refused",
            models=None if said.get("labels") else seen.get(said["batch"], {}),
        )
    if row.action == DELIVERY_REFUSED:
        return _refusal(*at, said["name"], said["delivery"], said["reasons"], said.get("rows"))
    if row.action == FORGOTTEN and said["domain"] == domain:
        batches = ", ".join(said["batches"]) or "no batch"
        data = said.get("data") or {}
        return Event(*at, "forgotten", batches, rows=said["rows"], dvc_md5=data.get("dvc_md5"), why=said["why"])
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


def _label(model: Mapping[str, Any]) -> str:
    return f"{model['name']} v{model['version']}"
