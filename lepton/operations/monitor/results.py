"""What the verbs of the monitor answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from lepton.core.decisions.memory import Decision
from lepton.core.decisions.observation import Observation
from lepton.operations.result import Result, as_json

if TYPE_CHECKING:
    from lepton.monitoring.alerts import Alert


@dataclass(frozen=True, repr=False)
class WindowJudged(Result):
    """One window of a target: what was seen of it, and what was decided."""

    domain: str
    observation: Observation
    decision: Decision
    links: Mapping[str, str] = field(default_factory=dict)
    """Where to look closer: `report`, if one was written."""
    cause: Literal["observed", "measured"] = "observed"
    """Whether it was judged as it came, or again, on labels that came later."""

    def facts(self) -> dict[str, object]:
        """Return the window, how far it drifted, what that costs, and the decision with its reason."""
        seen = self.observation
        guess, low, high = seen.estimated_accuracy, seen.estimated_low, seen.estimated_high
        span = "" if low is None or high is None else f" ({low:.3f} to {high:.3f})"
        return {
            "window": f"{seen.window} of {self.domain}, {seen.rows} rows",
            "drift": f"{seen.score:.2f} {seen.aspect}" if seen.scores else seen.verdict,
            "estimated accuracy": ("not known" if guess is None else f"{guess:.3f}") + span,
            "decision": f"{self.decision.action}: {self.decision.reason}",
        }


@dataclass(frozen=True, repr=False)
class Problem(Result):
    """A window, or a whole target, that could not be judged."""

    domain: str
    window: str
    """Empty for a whole target."""
    problem: str
    """What happened, why, and the command that fixes it."""


@dataclass(frozen=True, repr=False)
class Unseen(Result):
    """Deliveries of a target that the contract refused: nothing newer than them was seen."""

    domain: str
    deliveries: int
    """Refused since one was taken in."""
    since: datetime
    """When the first of them was."""
    last: str
    """Name of the last one's file."""
    reasons: tuple[str, ...]
    """Why that one was refused, a line each."""


@dataclass(frozen=True, repr=False)
class MonitorResult(Result):
    """What became of every window that waited."""

    windows: tuple[WindowJudged, ...]
    problems: tuple[Problem, ...] = ()
    refused: tuple[Unseen, ...] = ()
    """Targets whose last delivery was refused."""

    def facts(self) -> dict[str, object]:
        """Return a line a window."""
        unseen = {f"refused, of {one.domain}": f"{one.last}: {'; '.join(one.reasons[:3])}" for one in self.refused}
        problems = {f"{one.window} of {one.domain}": one.problem for one in self.problems}
        return _lines(self.windows) | unseen | problems


@dataclass(frozen=True, repr=False)
class BackfillResult(Result):
    """What became of every window that was missed."""

    windows: tuple[WindowJudged, ...]
    dry_run: bool = False

    def facts(self) -> dict[str, object]:
        """Return a line a window."""
        return _lines(self.windows)


@dataclass(frozen=True, repr=False)
class WindowReplayed(Result):
    """One window of a trial run, and the alerts that would have been sent."""

    observation: Observation
    decision: Decision
    alerts: tuple[Alert, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object; of each alert its kind and its title."""
        alerts = [{"kind": alert.kind, "title": alert.title} for alert in self.alerts]
        return {"observation": as_json(self.observation), "decision": as_json(self.decision), "alerts": alerts}


@dataclass(frozen=True, repr=False)
class ReplayResult(Result):
    """What the monitor would have done over a history."""

    windows: tuple[WindowReplayed, ...]

    @property
    def alerts(self) -> int:
        """How many alerts would have been sent."""
        return sum(len(window.alerts) for window in self.windows)

    @property
    def retransfers(self) -> int:
        """How many transfers would have been decided."""
        return sum(window.decision.action == "retransfer" for window in self.windows)

    def facts(self) -> dict[str, object]:
        """Return the totals, and a line a window."""
        lines = {one.observation.window: f"{one.decision.action}: {one.decision.reason}" for one in self.windows}
        return {"alerts": self.alerts, "retransfers": self.retransfers, **lines}

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object with the windows and the totals."""
        return {**super().to_json(), "alerts": self.alerts, "retransfers": self.retransfers}


def _lines(windows: tuple[WindowJudged, ...]) -> dict[str, object]:
    return {
        f"{one.observation.window} of {one.domain}": f"{one.decision.action}: {one.decision.reason}" for one in windows
    }
