"""Retrain, as a flow; see `lepton.operations.retrain`."""

from __future__ import annotations

from prefect import flow

from lepton.operations.retrain import RetrainResult
from lepton.operations.retrain import retrain as work
from lepton_flows.runtime import session


@flow(name="retrain", flow_run_name="retrain-{cause}")
def retrain(cause: str = "schedule") -> RetrainResult:
    """Train the base again if its source has new batches, then adapt every target."""
    return work(session(), cause)
