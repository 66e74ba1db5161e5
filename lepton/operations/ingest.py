"""Ingest: check a delivery against its contract, store it, version it."""

import re
from functools import partial
from pathlib import Path
from typing import Any

from lepton.core.errors import Refused
from lepton.core.ledger import DELIVERY_REFUSED, INGESTED
from lepton.core.refs import Pair
from lepton.core.work.faults import reached
from lepton.operations.session import Session


def ingest(
    session: Session,
    domain: str,
    path: str,
    name: str | None = None,
    labels: bool = False,
    new: bool = False,
    dry_run: bool = False,
) -> dict[str, Any]:
    """Take one delivery into a domain, or refuse it and leave the data as it was.

    Args:
        session: The workspace at work.
        domain: Where the rows come from.
        path: CSV (also gzipped), Parquet, NPZ, or a folder of images by class.
        name: Name of the batch; by default made from the file's name.
        labels: The file holds ids and labels of rows that were delivered before.
        new: Add the domain as a new target, with a contract derived from the source's.
        dry_run: Check only.

    Raises:
        Refused: If the delivery breaks the contract; it is in quarantine, with the reason beside it.
    """
    step = session.runtime.step
    taken = step("check and store", lambda: check_and_store(session, domain, path, name, labels, new, dry_run))
    if not dry_run:
        step("record", lambda: record(session, domain, taken))
    return taken


def check_and_store(
    session: Session, domain: str, path: str, name: str | None, labels: bool, new: bool, dry_run: bool
) -> dict[str, Any]:
    """Validate, then store and version; nothing is stored if the contract is broken."""
    from lepton.contract.ingest import ingest as take

    try:
        taken = take(session.ws, domain, Path(path), name=name, labels=labels, new=new, dry_run=dry_run).to_json()
    except Refused:
        if not dry_run:
            record_refusals(session, domain)
        raise
    reached("ingest.taken")
    return taken


def record(session: Session, domain: str, taken: dict[str, Any]) -> None:
    """Write the delivery into the ledger, once; only then it is finished, and the same again a repetition."""
    from lepton.contract.ingest import finished

    slot, ledger, key = session.ws.slot(domain), session.ledger, _key(taken)
    ledger.append_once(session.actor, slot, INGESTED, taken, lambda known: _key(known) == key)
    reached("ingest.recorded")
    finished(session.ws, domain, taken["batch"], taken["labels"])


def record_refusals(session: Session, domain: str) -> None:
    """Write what is in quarantine into the ledger: each content once, however often it is delivered."""
    from lepton.contract.quarantine import quarantined

    slot, ledger = domain if domain == session.ws.source else Pair(session.ws.source, domain).name, session.ledger
    known = {row.payload["delivery"] for row in ledger.entries(slot, DELIVERY_REFUSED)}
    for entry in reversed(quarantined(session.ws, domain)):
        reason, content = entry.reason, entry.reason.get("digest")
        if content is None or content in known:  # refused by an older version, or on record
            continue
        refusal = {"delivery": content, "name": reason["delivery"], "reasons": _without_values(reason)}
        if "contract" in reason:
            refusal["rows"] = reason["contract"]["rows"]
        ledger.append_once(session.actor, slot, DELIVERY_REFUSED, refusal, partial(_is_of, content))
    reached("ingest.refusal-recorded")


def _without_values(reason: dict[str, Any]) -> list[str]:
    """Return why a delivery was refused, without what stood in it: the ledger cannot forget, the quarantine can."""
    if "contract" not in reason:
        return [_hidden(line) for line in reason["lines"]]
    lines = []
    for breach in reason["contract"]["breaches"]:
        count = breach["count"]
        if count:
            problem = f"{_hidden(breach['problem'])} ({count:,} {'row' if count == 1 else 'rows'})"
        else:  # about columns, not about what is in them
            problem = breach["problem"]
        lines.append(f"{breach['column']}: {problem}")
    return lines


def _hidden(text: str) -> str:
    """Return a message without what it quotes from a delivery: an id, a label."""
    return re.sub(r"'[^']*'", "'...'", text)


def _is_of(content: str, refusal: dict[str, Any]) -> bool:
    return bool(refusal["delivery"] == content)


def _key(taken: dict[str, Any]) -> tuple[str, bool]:
    """Return what tells the deliveries of a domain apart: rows and labels have names of their own."""
    return taken["batch"], taken.get("labels", False)
