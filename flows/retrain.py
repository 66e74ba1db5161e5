"""Retrain: the weekly round. A new base if the source has grown, then every target adapted again."""

from __future__ import annotations

from typing import Any

from prefect import flow

from flows.champions import find_champion
from flows.pretrain import pretrain
from flows.records import lineage_of_model
from flows.regime import recalled_batches
from flows.steps import open_ledger, part, workspace
from flows.transfer import transfer
from lepton.core.errors import LeptonError


@flow(name="retrain", flow_run_name="retrain-{cause}")
def retrain(cause: str = "schedule") -> dict[str, Any]:
    """Train the base again if its source has new batches, then adapt every target; the gate guards each step.

    One target that cannot be adapted (no labels yet, say) does not keep the others from it.
    """
    base = part(pretrain)(cause=cause)["outcome"] if source_has_grown() else "unchanged"
    outcomes: dict[str, str] = {}
    for target in find_all_targets():
        try:
            outcomes[target] = part(transfer)(target, cause=cause)["outcome"]
        except LeptonError as error:
            outcomes[target] = f"not adapted: {error.what}"
    return {"base": base, "targets": outcomes}


def source_has_grown() -> bool:
    """Return whether the source holds sound batches that the serving base was not trained on, or no base is sound."""
    from lepton.data.store import batches
    from lepton.registry.standing import key_of, recalled

    ws = workspace()
    base = find_champion(ws, ws.source)
    if base is None or key_of(base.to_json()) in recalled(open_ledger(ws)):
        return True
    seen = set(lineage_of_model(ws, base).data["train"].batches) | set(recalled_batches(ws, ws.source))
    return not set(batches(ws, ws.source)) <= seen


def find_all_targets() -> list[str]:
    """Return every known target."""
    return workspace().targets()
