"""What the ledger's rows say, a frozen dataclass for each action: the one place that writes and reads payloads."""

from __future__ import annotations

from collections.abc import Mapping

from lepton.core.ledger.actions import Action
from lepton.core.ledger.rows.alerts import Acknowledged, Alerted, Channel, Snoozed
from lepton.core.ledger.rows.data import DeliveryRefused, Forgotten, Ingested, Published
from lepton.core.ledger.rows.grounds import Cause, Evidence, Subject, summary_of
from lepton.core.ledger.rows.models import (
    Abandoned,
    Decisive,
    Move,
    OfModel,
    OfRecall,
    Promoted,
    Proposed,
    Recalled,
    Refused,
    Registered,
    Reinstated,
    Rejected,
    RolledBack,
)
from lepton.core.ledger.rows.monitoring import Decided, Measured, Observed
from lepton.core.ledger.rows.row import Json, Row
from lepton.core.ledger.rows.transfers import Mark, TransferFinished, TransferStarted

KINDS: Mapping[Action, type[Row]] = {
    kind.action: kind
    for kind in (
        Ingested,
        Registered,
        Promoted,
        RolledBack,
        Refused,
        TransferStarted,
        TransferFinished,
        Observed,
        Decided,
        Measured,
        Alerted,
        Acknowledged,
        Snoozed,
        Proposed,
        Rejected,
        Recalled,
        Reinstated,
        Abandoned,
        DeliveryRefused,
        Forgotten,
        Published,
    )
}
"""The type of every action's rows."""


def actions_of(*kinds: type[Row]) -> tuple[Action, ...]:
    """Return the actions of some types of rows; a base class stands for all that derive from it."""
    return tuple(action for action, kind in KINDS.items() if issubclass(kind, kinds))


__all__ = [
    "KINDS",
    "Abandoned",
    "Acknowledged",
    "Alerted",
    "Cause",
    "Channel",
    "Decided",
    "Decisive",
    "DeliveryRefused",
    "Evidence",
    "Forgotten",
    "Ingested",
    "Json",
    "Mark",
    "Measured",
    "Move",
    "Observed",
    "OfModel",
    "OfRecall",
    "Promoted",
    "Proposed",
    "Published",
    "Recalled",
    "Refused",
    "Registered",
    "Reinstated",
    "Rejected",
    "RolledBack",
    "Row",
    "Snoozed",
    "Subject",
    "TransferFinished",
    "TransferStarted",
    "actions_of",
    "summary_of",
]
