"""Retrain: the weekly round. A new base if the source has grown, then every target adapted again."""

from __future__ import annotations

from typing import Any

from lepton.core.errors import LeptonError
from lepton.operations.pretrain.pretrain import pretrain
from lepton.operations.regime import recalled_batches
from lepton.operations.session import Session
from lepton.operations.transfer.transfer import transfer


def retrain(session: Session, cause: str = "schedule") -> dict[str, Any]:
    """Train the base again if its source has new batches, then adapt every target; the gate guards each step.

    One target that cannot be adapted (no labels yet, say) does not keep the others from it.
    """
    base = session.runtime.part(pretrain, session, cause=cause)["outcome"] if source_has_grown(session) else "unchanged"
    outcomes: dict[str, str] = {}
    for target in session.ws.targets():
        try:
            outcomes[target] = session.runtime.part(transfer, session, target, cause=cause).outcome
        except LeptonError as error:
            outcomes[target] = f"not adapted: {error.what}"
    return {"base": base, "targets": outcomes}


def source_has_grown(session: Session) -> bool:
    """Return whether the source holds sound batches that the serving base was not trained on, or no base is sound."""
    from lepton.data.store import batches
    from lepton.registry.recalls import key_of, recalled

    base = session.find_champion(session.ws.source)
    if base is None or key_of(base.to_json()) in recalled(session.ledger):
        return True
    seen = set(session.lineage(base).data["train"].batches) | set(recalled_batches(session, session.ws.source))
    return not set(batches(session.ws, session.ws.source)) <= seen
