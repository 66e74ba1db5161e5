"""Transfer, as a flow; see `lepton.operations.transfer.transfer`."""

from __future__ import annotations

from typing import Any

from prefect import flow

from lepton.operations.transfer.transfer import transfer as work
from lepton_flows.runtime import session


@flow(name="transfer", flow_run_name="transfer-{domain}")
def transfer(
    domain: str,
    cause: str = "manual",
    labels_per_class: int | None = None,
    strategies: list[str] | None = None,
    dry_run: bool = False,
    start: str | None = None,
) -> dict[str, Any]:
    """Adapt the best ancestor to a target and promote the result if the gate allows it."""
    return work(session(), domain, cause, labels_per_class, strategies, dry_run, start)
