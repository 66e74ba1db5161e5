"""Backfill, as a flow; see `lepton.operations.monitor.backfill`."""

from __future__ import annotations

from prefect import flow

from lepton.operations.monitor.backfill import backfill as work
from lepton.operations.monitor.results import BackfillResult
from lepton_flows.runtime import session


@flow(name="backfill", flow_run_name="backfill-{domain}")
def backfill(domain: str, dry_run: bool = False) -> BackfillResult:
    """Judge the windows that were missed, each at the time when it came in."""
    return work(session(), domain, dry_run)
