"""Deliveries that the contract refused: what could not be seen is an observation, too, and people hear of it.

While deliveries of a served target are refused, the monitor sees nothing new, and nothing new looks like calm. So a
refusal opens the alert of cause `contract`, further ones raise it, and the next accepted delivery ends it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lepton.core.config.alerts import Severity
from lepton.core.decisions.memory import Kind
from lepton.core.ledger import Action, Entry
from lepton.core.ledger.rows import Alerted, Decided, DeliveryRefused, Ingested, actions_of

ROWS: tuple[Action, ...] = actions_of(DeliveryRefused, Ingested, Alerted, Decided)
"""The rows of the ledger that this is told from."""
CAUSE = "contract"


@dataclass(frozen=True)
class Refusals:
    """The deliveries of a pair that were refused since one was taken in."""

    refused: tuple[DeliveryRefused, ...] = ()
    since: datetime | None = None
    """When the first of them was."""
    is_open: bool = False
    """Whether the alert of cause `contract` is open."""
    untold: bool = False
    """Whether something was refused after people were last told."""
    breach: bool = False
    """Whether a window that breaks the schema holds that alert open, too."""

    @property
    def due(self) -> Kind | None:
        """What people must be told; None if they know."""
        if not self.refused:
            return "resolve" if self.is_open and not self.breach else None
        if not self.is_open:
            return "open"
        return "update" if self.untold else None

    @property
    def severity(self) -> Severity:
        """One refused delivery may be a slip of a hand; several in a row are a feed that changed."""
        return "warning" if len(self.refused) < 2 else "critical"

    @property
    def in_words(self) -> str | None:
        """Which delivery was refused last, since when, and why; None if none was."""
        if not self.refused:
            return None
        last, n = self.refused[-1], len(self.refused)
        row = f", {n} in a row since {self.since:%Y-%m-%d %H:%M} UTC" if n > 1 and self.since else ""
        why = "; ".join(last.reasons[:3])
        return f"{last.name or last.delivery[:12]} was refused{row}" + (f": {why}" if why else "")


def refusals_of(rows: Sequence[Entry]) -> Refusals:
    """Return what the rows of one pair, those of `ROWS` in the order of the ledger, tell."""
    refused, since = list[DeliveryRefused](), None
    is_open = untold = breach = False
    for entry in rows:
        row = entry.row
        if isinstance(row, DeliveryRefused):
            since = since if refused else entry.at
            refused.append(row)
            untold = True
        elif isinstance(row, Ingested) and not row.labels:
            refused, since, untold = [], None, False
        elif isinstance(row, Alerted) and row.cause == CAUSE:
            is_open, untold = row.kind != "resolve", False
        elif isinstance(row, Decided):
            breach = row.decision.state.breach_open
    return Refusals(tuple(refused), since, is_open, untold, breach)
