"""Monitor, as a flow; see `lepton.operations.monitor.monitor`."""

from __future__ import annotations

from prefect import flow

from lepton.operations.monitor.monitor import monitor as work
from lepton.operations.monitor.results import MonitorResult
from lepton_flows.runtime import session


@flow(name="monitor", flow_run_name="monitor")
def monitor(domain: str | None = None, window: str | None = None, dry_run: bool = False) -> MonitorResult:
    """Judge the windows of one target, or of all, that came after what the champion was adapted to."""
    return work(session(), domain, window, dry_run)
