"""Backfill, as a flow; see `lepton.operations.monitor.backfill`."""

from __future__ import annotations

from typing import Any

from prefect import flow

from lepton.operations.monitor.backfill import backfill as work
from lepton_flows.runtime import session


@flow(name="backfill", flow_run_name="backfill-{domain}")
def backfill(domain: str, dry_run: bool = False) -> list[dict[str, Any]]:
    """Judge the windows that were missed, each at the time when it came in."""
    return work(session(), domain, dry_run)
