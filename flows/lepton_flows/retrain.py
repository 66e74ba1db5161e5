"""Retrain, as a flow; see `lepton.operations.retrain`."""

from __future__ import annotations

from typing import Any

from prefect import flow

from lepton.operations.retrain import retrain as work
from lepton_flows.runtime import session


@flow(name="retrain", flow_run_name="retrain-{cause}")
def retrain(cause: str = "schedule") -> dict[str, Any]:
    """Train the base again if its source has new batches, then adapt every target."""
    return work(session(), cause)
