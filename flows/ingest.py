"""Ingest: check a delivery against its contract, store it, version it."""

from pathlib import Path
from typing import Any

from prefect import flow

from flows.steps import actor, open_ledger, step, workspace


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

    return take(workspace(), domain, Path(path), name=name, labels=labels, new=new, dry_run=dry_run).to_json()


@step
def record(domain: str, taken: dict[str, Any]) -> None:
    """Write the delivery into the ledger, once; only then it is finished, and the same again a repetition."""
    from lepton.contract.ingest import finished

    ws = workspace()
    slot, ledger = ws.slot(domain), open_ledger(ws)
    if not any(_key(entry.payload) == _key(taken) for entry in ledger.entries(slot, "ingested")):
        ledger.append(actor(), slot, "ingested", taken)
    finished(ws, domain, taken["batch"], taken["labels"])


def _key(taken: dict[str, Any]) -> tuple[str, bool]:
    """Return what tells the deliveries of a domain apart: rows and labels have names of their own."""
    return taken["batch"], taken.get("labels", False)
