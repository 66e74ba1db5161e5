"""Ingest: check a delivery against its contract, store it, version it."""

import re
from functools import partial
from pathlib import Path
from typing import Any

from prefect import flow

from flows.resume import append_once
from flows.steps import open_ledger, step, workspace
from lepton.core.errors import Refused
from lepton.core.faults import reached
from lepton.core.ledger import DELIVERY_REFUSED, INGESTED
from lepton.core.refs import Pair


@flow(name="ingest", flow_run_name="ingest-{domain}")
def ingest(
    domain: str, path: str, name: str | None = None, labels: bool = False, new: bool = False, dry_run: bool = False
) -> dict[str, Any]:
    """Take one delivery into a domain, or refuse it and leave the data as it was.

    Args:
        domain: Where the rows come from.
        path: CSV (also gzipped), Parquet, NPZ, or a folder of images by class.
        name: Name of the batch; by default made from the file's name.
        labels: The file holds ids and labels of rows that were delivered before.
        new: Add the domain as a new target, with a contract derived from the source's.
        dry_run: Check only.

    Raises:
        Refused: If the delivery breaks the contract; it is in quarantine, with the reason beside it.
    """
    taken = check_and_store(domain, path, name, labels, new, dry_run)
    if not dry_run:
        record(domain, taken)
    return taken


@step
def check_and_store(domain: str, path: str, name: str | None, labels: bool, new: bool, dry_run: bool) -> dict[str, Any]:
    """Validate, then store and version; nothing is stored if the contract is broken."""
    from lepton.contract.ingest import ingest as take

    try:
        taken = take(workspace(), domain, Path(path), name=name, labels=labels, new=new, dry_run=dry_run).to_json()
    except Refused:
        if not dry_run:
            record_refusals(domain)
        raise
    reached("ingest.taken")
    return taken


@step
def record(domain: str, taken: dict[str, Any]) -> None:
    """Write the delivery into the ledger, once; only then it is finished, and the same again a repetition."""
    from lepton.contract.ingest import finished

    ws = workspace()
    slot, ledger, key = ws.slot(domain), open_ledger(ws), _key(taken)
    append_once(ledger, slot, INGESTED, taken, lambda known: _key(known) == key)
    reached("ingest.recorded")
    finished(ws, domain, taken["batch"], taken["labels"])


def record_refusals(domain: str) -> None:
    """Write what is in quarantine into the ledger: each content once, however often it is delivered."""
    from lepton.contract.quarantine import quarantined

    ws = workspace()
    slot, ledger = domain if domain == ws.source else Pair(ws.source, domain).name, open_ledger(ws)
    known = {row.payload["delivery"] for row in ledger.entries(slot, DELIVERY_REFUSED)}
    for entry in reversed(quarantined(ws, domain)):
        reason, content = entry.reason, entry.reason.get("digest")
        if content is None or content in known:  # refused by an older version, or on record
            continue
        refusal = {"delivery": content, "name": reason["delivery"], "reasons": _without_values(reason)}
        if "contract" in reason:
            refusal["rows"] = reason["contract"]["rows"]
        append_once(ledger, slot, DELIVERY_REFUSED, refusal, partial(_is_of, content))
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
