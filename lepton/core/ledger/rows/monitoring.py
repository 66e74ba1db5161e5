"""Rows about windows: what was seen of each, what the controller did about it, and what labels said later."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, Self

from lepton.core.decisions.memory import Decision
from lepton.core.decisions.observation import Observation
from lepton.core.ledger.actions import DECIDED, MEASURED, OBSERVED, Action
from lepton.core.ledger.rows.row import SPARSE, Json, Row


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
    cause: Literal["observed", "measured"] = "observed"
    """What it was decided on: the window as it came, or labels that came later."""

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object: that of the decision, with window and batches."""
        late = {"cause": self.cause} if self.cause != "observed" else {}
        return {**self.decision.to_json(), "window": self.window, "batches": list(self.batches), **late}

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Read what `to_json` wrote; see `Row.from_json`."""
        batches = tuple(value.get("batches", ()))
        return cls(Decision.from_json(dict(value)), value.get("window", ""), batches, value.get("cause", "observed"))


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
    cost: float | None = field(default=None, metadata=SPARSE)
    """Loss of accuracy against the reference; None where they are too few to say it better than the estimate."""
    cost_low: float | None = field(default=None, metadata=SPARSE)
    """Lower end of its 90 % interval."""
    cost_high: float | None = field(default=None, metadata=SPARSE)
    """Upper end."""
    lost: bool | None = field(default=None, metadata=SPARSE)
    """Whether they prove a loss, however often one looked."""
    tested: int | None = field(default=None, metadata=SPARSE)
    """Labels that were known when that was asked; None in rows of an older lepton, which asked nothing."""

    @classmethod
    def of(cls, seen: Observation) -> Self | None:
        """Return the row about an observation with labels; None if it has none."""
        if seen.realised_accuracy is None:
            return None
        cost = (seen.measured_cost, seen.measured_low, seen.measured_high)
        known = (seen.realised_accuracy, seen.labelled, seen.estimated_accuracy)
        return cls(seen.window, seen.champion, *known, *cost, seen.lost, seen.tested)

    def added_to(self, seen: Observation) -> Observation:
        """Return an observation of the same window with what the labels showed."""
        found = replace(seen, realised_accuracy=self.realised_accuracy, labelled=self.labelled)
        if not self.tested:
            return found
        found = replace(found, measured_cost=self.cost, measured_low=self.cost_low, measured_high=self.cost_high)
        return replace(found, lost=bool(self.lost), tested=self.tested)
