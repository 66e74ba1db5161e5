"""Monitor one target, as a flow run of its own; see `lepton.operations.monitor.monitor`."""

from __future__ import annotations

from contextlib import nullcontext

from prefect import flow

from lepton.operations.monitor.monitor import WAIT_SECONDS, busy_with
from lepton.operations.monitor.monitor import monitor_pair as work
from lepton.operations.monitor.results import MonitorResult
from lepton_flows.limits import one_at_a_time
from lepton_flows.runtime import session


@flow(name="monitor-pair", flow_run_name="monitor-{domain}")
def monitor_pair(domain: str, window: str | None = None, dry_run: bool = False) -> MonitorResult:
    """Judge the windows of one target; of several monitors of a pair one works at a time, on whatever machine."""
    found = session()
    limit, making = f"lepton-monitor-{found.ws.pair(domain).name}", found.ws.state_dir / "locks" / "limits.lock"
    with nullcontext() if dry_run else one_at_a_time(limit, WAIT_SECONDS, busy_with(domain), making):
        return work(found, domain, window, dry_run)
