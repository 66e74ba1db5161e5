"""Pretrain, as a flow; see `lepton.operations.pretrain.pretrain`."""

from __future__ import annotations

from prefect import flow

from lepton.operations.pretrain.pretrain import pretrain as work
from lepton.operations.pretrain.result import PretrainResult
from lepton_flows.runtime import session


@flow(name="pretrain", flow_run_name="pretrain-{cause}")
def pretrain(cause: str = "manual", dry_run: bool = False, fresh: bool = False, go_on: bool = False) -> PretrainResult:
    """Train a base model on the source, and let it serve if it is not worse than the one before."""
    return work(session(), cause, dry_run, fresh, go_on)
