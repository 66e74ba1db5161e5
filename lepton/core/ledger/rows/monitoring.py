"""Rows about windows: what was seen of each, what the controller did about it, and what labels said later."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from lepton.core.decisions.controller import Decision, Observation
from lepton.core.ledger.actions import DECIDED, MEASURED, OBSERVED, Action
from lepton.core.ledger.rows.row import Json, Row


@dataclass(frozen=True)
class Observed(Row):
    """One window was compared with what the champion was adapted to."""

    action: ClassVar[Action] = OBSERVED
    seen: Observation

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object: that of the observation."""
        return self.seen.to_json()

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Read what `to_json` wrote; see `Row.from_json`."""
        return cls(Observation.from_json(dict(value)))


@dataclass(frozen=True)
class Decided(Row):
    """The controller decided about a window, and this is what it remembers."""

    action: ClassVar[Action] = DECIDED
    decision: Decision
    window: str = ""
    batches: tuple[str, ...] = ()
    """What the window was made from; none in rows from before windows were joined."""

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object: that of the decision, with window and batches."""
        return {**self.decision.to_json(), "window": self.window, "batches": list(self.batches)}

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Read what `to_json` wrote; see `Row.from_json`."""
        return cls(Decision.from_json(dict(value)), value.get("window", ""), tuple(value.get("batches", ())))


@dataclass(frozen=True)
class Measured(Row):
    """Labels came after a window was judged: they show the accuracy that was only estimated."""

    action: ClassVar[Action] = MEASURED
    window: str
    champion: str
    realised_accuracy: float
    labelled: int
    """Rows of the window whose label is known by now."""
    estimated_accuracy: float | None = None

    def added_to(self, seen: Observation) -> Observation:
        """Return an observation of the same window with what the labels showed."""
        return replace(seen, realised_accuracy=self.realised_accuracy, labelled=self.labelled)
