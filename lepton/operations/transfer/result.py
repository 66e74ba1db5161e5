"""What a transfer answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from lepton.core.refs import ModelRef
from lepton.operations.result import Facts, Json, Result
from lepton.operations.transfer.job import Considered, TransferJob
from lepton.operations.transfer.stories import Story
from lepton.operations.transfer.verdict import TransferVerdict

if TYPE_CHECKING:
    from lepton.transfer.attempt import Attempt
    from lepton.transfer.search import Plan

Outcome = Literal["promoted", "refused", "proposed", "kept", "not due", "dry run"]


@dataclass(frozen=True)
class TransferResult(Result):
    """What became of a transfer; what it did not come to is empty."""

    outcome: Outcome
    """promoted; refused (the gate said no: it stays as challenger); proposed (the gate said yes, and lepton.yaml asks
    for a person's word); kept (nothing beat what serves); not due (an event that came twice, or a drift that is over);
    dry run."""
    domain: str
    model: ModelRef | None = None
    """What was registered."""
    ancestor: str | None = None
    """What it was adapted from."""
    considered: tuple[Considered, ...] = ()
    """Possible ancestors, best first."""
    winner: str = ""
    """Label of the candidate that was put forward."""
    candidates: tuple[Attempt, ...] = ()
    plan: Plan | None = None
    stopped: str = ""
    """Why nothing else was tried."""
    gate: TransferVerdict | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    """Of the winner on the held-out rows."""
    held_out_rows: int = 0
    champion: str | None = None
    """What served before."""
    provisional: str | None = None
    """The base, where it answers for the target until something is promoted: nobody verified it there."""
    tolerance: str | None = None
    """What is to be said of `monitor.tolerance` once this serves: that its labels cannot tell so little; None if they
    can, or if it is not to serve."""
    links: Mapping[str, str] = field(default_factory=dict)
    """For people; empty while no server is up."""
    next: str = ""
    """The command to give next."""
    interrupted: bool = False
    """Whether an earlier run had done it all and was killed before it could say so."""
    job: TransferJob | None = None
    """Of a dry run: where it would start."""
    story: Story | None = None
    """Of one that was kept: no row but the last one tells of it."""

    def facts(self) -> Facts:
        """Return what a person wants to know, the most important first."""
        found: Facts = {"outcome": self.outcome, "target": self.domain}
        if self.model is not None:
            found["model"] = self.model.label
        if self.winner:
            found["strategy"] = self.winner
        if "accuracy" in self.metrics:
            found["accuracy"] = f"{self.metrics['accuracy']:.3f} on {self.held_out_rows} held-out rows"
        if self.gate is not None:
            found["gate"] = self.gate.summary
            if self.gate.belief is not None:
                found["belief"] = self.gate.belief.summary()
        if self.candidates:
            found["tried"] = ", ".join(f"{one.label} {one.seconds:.1f} s" for one in self.candidates)
        if self.plan is not None and self.outcome == "dry run":
            found["plan"] = ", ".join(step.strategy for step in self.plan.steps if not step.out)
        if self.provisional:
            found["provisional"] = f"{self.provisional} answers until then; it is not verified here"
        if self.tolerance:
            found["tolerance"] = self.tolerance
        if self.next:
            found["next"] = self.next
        return found

    def to_json(self) -> Json:
        """Return a JSON object; which keys it has depends on the outcome."""
        if self.outcome == "not due":
            return {"outcome": self.outcome}
        plan = self.plan.to_json() if self.plan else {}
        if self.outcome == "dry run":
            return {"outcome": self.outcome, "plan": plan, "job": self.job.to_json() if self.job else None}
        found: Json = {
            "ancestor": self.ancestor,
            "considered": [asdict(one) for one in self.considered],
            "winner": self.winner,
            "candidates": [attempt.to_json() for attempt in self.candidates],
            "plan": plan,
            "stopped": self.stopped,
            "gate": self.gate.to_json() if self.gate else {},
            "held_out_rows": self.held_out_rows,
            "champion": self.champion,
            "provisional": self.provisional,
            "links": dict(self.links),
            "next": self.next,
            "outcome": self.outcome,
        }
        if self.model is not None:
            found |= {"model": self.model.to_json(), "metrics": dict(self.metrics)}
        if self.tolerance is not None:
            found["tolerance"] = self.tolerance
        if self.story is not None:
            found["story"] = self.story.to_json()
        return {**found, "interrupted": True} if self.interrupted else found
