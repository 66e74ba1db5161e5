"""Score, as a flow; see `lepton.operations.score`."""

from __future__ import annotations

from prefect import flow

from lepton.operations.score import ScoreResult
from lepton.operations.score import score as work
from lepton_flows.runtime import session


@flow(name="score", flow_run_name="score-{domain}")
def score(domain: str, batch: str | None = None, dry_run: bool = False) -> ScoreResult:
    """Write the predictions of a target's champion."""
    return work(session(), domain, batch, dry_run)
