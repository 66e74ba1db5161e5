"""Ingest, as a flow; see `lepton.operations.ingest`."""

from __future__ import annotations

from prefect import flow

from lepton.operations.ingest import IngestResult
from lepton.operations.ingest import ingest as work
from lepton_flows.runtime import session


@flow(name="ingest", flow_run_name="ingest-{domain}")
def ingest(
    domain: str, path: str, name: str | None = None, labels: bool = False, new: bool = False, dry_run: bool = False
) -> IngestResult:
    """Take one delivery, a path or an address, into a domain, or refuse it and leave the data as it was."""
    return work(session(), domain, path, name, labels, new, dry_run)
