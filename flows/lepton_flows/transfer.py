"""Transfer, as a flow; see `lepton.operations.transfer.transfer`."""

from __future__ import annotations

from typing import Any

from prefect import State, flow
from prefect.states import Cancelled

from lepton.core.errors import Busy
from lepton.operations.transfer.result import TransferResult
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
) -> TransferResult | State[Any]:
    """Adapt the best ancestor to a target and promote the result if the gate allows it.

    One that finds another one running has nothing to do: its run is cancelled, not failed. Whoever called it gets the
    error all the same.
    """
    try:
        return work(session(), domain, cause, labels_per_class, strategies, dry_run, start)
    except Busy as other:
        return Cancelled(message=f"{other.what} {other.why}".strip(), data=other)
