"""The kinds of rows that a ledger has; what each says is typed in `lepton.core.ledger.rows`."""

from __future__ import annotations

from typing import Literal

Action = Literal[
    "ingested",
    "registered",
    "promoted",
    "rolled_back",
    "refused",
    "transfer_started",
    "transfer_finished",
    "observed",
    "decided",
    "measured",
    "alerted",
    "acknowledged",
    "snoozed",
    "proposed",
    "rejected",
    "recalled",
    "reinstated",
    "abandoned",
    "delivery_refused",
    "forgotten",
    "published",
]

INGESTED: Action = "ingested"
REGISTERED: Action = "registered"
PROMOTED: Action = "promoted"
ROLLED_BACK: Action = "rolled_back"
REFUSED: Action = "refused"
TRANSFER_STARTED: Action = "transfer_started"
TRANSFER_FINISHED: Action = "transfer_finished"
OBSERVED: Action = "observed"
DECIDED: Action = "decided"
MEASURED: Action = "measured"
ALERTED: Action = "alerted"
ACKNOWLEDGED: Action = "acknowledged"
SNOOZED: Action = "snoozed"
PROPOSED: Action = "proposed"
REJECTED: Action = "rejected"
RECALLED: Action = "recalled"
REINSTATED: Action = "reinstated"
ABANDONED: Action = "abandoned"
DELIVERY_REFUSED: Action = "delivery_refused"
FORGOTTEN: Action = "forgotten"
PUBLISHED: Action = "published"
