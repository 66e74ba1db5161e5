"""What to do about one monitored window: a pure function with a memory and a reason for every outcome.

The clock is in the observation, the memory in the state, the taste in the policy; nothing here reads or writes.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

Phase = Literal["stable", "suspect", "drifted", "retransferring"]
Action = Literal["none", "wait", "suspect", "benign", "alert", "retransfer", "resolve"]

REMEMBERED = 200
"""Window digests kept to recognise a window that is delivered twice, and retransfers kept for cooldown and cap."""


@dataclass(frozen=True)
class Policy:
    """When drift is an alarm and when it starts a retransfer; fields as in `lepton.yaml`, section monitor."""

    enter: float = 1.0
    exit: float = 0.8
    confirm: int = 2
    of: int = 3
    min_rows: int = 50
    tolerance: float = 0.02
    cooldown: timedelta = timedelta(hours=1)
    max_retransfers: int = 4
    period: timedelta = timedelta(hours=24)


@dataclass(frozen=True)
class Observation:
    """One window: how far it drifted from what the champion was adapted to, and what that probably costs."""

    pair: str
    window: str
    digest: str
    champion: str
    time: datetime
    rows: int
    scores: dict[str, float] = field(default_factory=dict)
    """Drift score of each aspect; 1.0 is the calibrated threshold."""
    columns: dict[str, float] = field(default_factory=dict)
    """The most shifted columns with their scores, worst first."""
    estimated_accuracy: float | None = None
    """Accuracy estimated without labels."""
    expected_accuracy: float | None = None
    """The same estimate on the reference: what a window without drift would show."""
    realised_accuracy: float | None = None
    """Measured on the window's labels, where it has any."""
    estimate_error: float | None = None
    """Mean absolute error of the estimate in earlier windows of the pair with labels, as a share of rows."""
    report: str | None = None
    """Link to the window's report."""

    @property
    def score(self) -> float:
        """The worst aspect's drift score."""
        return max(self.scores.values(), default=0.0)

    @property
    def aspect(self) -> str:
        """The aspect with the worst score."""
        return max(self.scores, key=lambda name: self.scores[name], default="none")

    @property
    def cost(self) -> float:
        """Estimated loss of accuracy against the reference; 0 where it cannot be estimated."""
        if self.estimated_accuracy is None or self.expected_accuracy is None:
            return 0.0
        return self.expected_accuracy - self.estimated_accuracy

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return {**asdict(self), "time": self.time.isoformat()}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Observation:
        """Read what `to_json` wrote."""
        return cls(**{**value, "time": datetime.fromisoformat(value["time"])})


@dataclass(frozen=True)
class State:
    """What the controller remembers of a pair between windows."""

    champion: str = ""
    phase: Phase = "stable"
    recent: tuple[bool, ...] = ()
    """Whether each of the last windows was drifted, oldest first; at most N of them."""
    windows: tuple[str, ...] = ()
    """Their names."""
    since: str | None = None
    """The first drifted window of the present run: what came from it on shows the domain as it is now."""
    alert_open: bool = False
    exhausted: bool = False
    """Whether a person was told that the cap is used up."""
    retransfers: tuple[datetime, ...] = ()
    """When the last retransfers were decided; kept by number, so that a window with a wrong clock cannot erase them."""
    judged: tuple[str, ...] = ()
    """Digests of windows already judged against this champion."""

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return {**asdict(self), "retransfers": [time.isoformat() for time in self.retransfers]}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> State:
        """Read what `to_json` wrote."""
        return cls(
            **{
                **value,
                "recent": tuple(value["recent"]),
                "judged": tuple(value["judged"]),
                "windows": tuple(value["windows"]),
                "retransfers": tuple(datetime.fromisoformat(time) for time in value["retransfers"]),
            }
        )


@dataclass(frozen=True)
class Decision:
    """What the controller did about a window, why, and what it remembers from now on."""

    action: Action
    reason: str
    state: State
    alert: Literal["open", "update", "resolve"] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return {"action": self.action, "reason": self.reason, "alert": self.alert, "state": self.state.to_json()}


def decide(state: State, seen: Observation, policy: Policy, in_flight: str | None = None) -> Decision:
    """Return what to do about one window.

    Args:
        state: What is remembered of the pair.
        seen: The window; its time is the only clock.
        policy: Thresholds and limits.
        in_flight: Identifies a transfer of this pair that is running now, if any.
    """
    if state.champion != seen.champion:
        state = _start_over(state, seen.champion)
    if seen.digest in state.judged:
        return Decision("none", f"window {seen.window} was judged before", state)
    if seen.rows < policy.min_rows:
        return Decision("wait", f"not enough data: {seen.rows} rows, the policy asks for {policy.min_rows}", state)

    bar = policy.enter if state.phase == "stable" else policy.exit
    drifted = seen.score >= bar
    recent = (*state.recent, drifted)[-policy.of :]
    windows = (*state.windows, seen.window)[-policy.of :]
    state = replace(
        state,
        recent=recent,
        windows=windows,
        since=_since(state, recent, windows),
        judged=(*state.judged, seen.digest)[-REMEMBERED:],
    )
    if drifted and sum(recent) >= policy.confirm:
        return _confirmed(state, seen, policy, in_flight)
    if drifted:
        return Decision(
            "suspect",
            f"{seen.aspect} drift {seen.score:.2f} >= {bar:.2f} in {sum(recent)} of the last {len(recent)} windows;"
            f" {policy.confirm} of {policy.of} confirm it",
            _at_least_suspect(state),
        )
    if any(recent):
        return Decision(
            "wait",
            f"drift {seen.score:.2f} < {bar:.2f}, but a window before it was drifted",
            _at_least_suspect(state),
        )
    calm = replace(state, phase="stable", alert_open=False)
    if state.alert_open:
        return Decision(
            "resolve", f"calm for {len(recent)} window{'s' if len(recent) > 1 else ''}", calm, alert="resolve"
        )
    return Decision("none", f"drift {seen.score:.2f} < {bar:.2f}", calm)


def _confirmed(state: State, seen: Observation, policy: Policy, in_flight: str | None) -> Decision:
    """Decide about confirmed drift: harmless, already being mended, not now, or mend it."""
    evidence = f"{seen.aspect} drift {seen.score:.2f} in {sum(state.recent)} of the last {len(state.recent)} windows"
    drifted = replace(state, phase="drifted")
    if seen.cost <= policy.tolerance:
        return Decision(
            "benign", f"{evidence}, but the estimated cost {seen.cost:+.3f} is within {policy.tolerance:.3f}", drifted
        )
    evidence += f", estimated to cost {seen.cost:.3f} of accuracy"
    paged = replace(drifted, alert_open=True)
    # One page opens the alert; another follows only when something about it changes.
    alert: Literal["open", "update"] | None = None if state.alert_open else "open"
    if in_flight:
        return Decision(
            "alert", f"{evidence}; transfer {in_flight} is running", replace(paged, phase="retransferring"), alert
        )
    if state.retransfers and seen.time < state.retransfers[-1] + policy.cooldown:
        end = state.retransfers[-1] + policy.cooldown
        return Decision("alert", f"{evidence}; cooling down until {end:%Y-%m-%d %H:%M} UTC", paged, alert)
    spent = sum(time > seen.time - policy.period for time in state.retransfers)
    if spent >= policy.max_retransfers:
        alert = alert or (None if state.exhausted else "update")
        paged = replace(paged, exhausted=True)
        return Decision(
            "alert",
            f"{evidence}; {spent} retransfers within {policy.period}: a person must look",
            paged,
            alert,
        )
    alert = alert or "update"
    acting = replace(
        paged, phase="retransferring", exhausted=False, retransfers=(*state.retransfers, seen.time)[-REMEMBERED:]
    )
    return Decision("retransfer", evidence, acting, alert)


def _at_least_suspect(state: State) -> State:
    """Return the state as suspect, unless drift is confirmed: that ends only when all recent windows are calm."""
    return state if state.phase in ("drifted", "retransferring") else replace(state, phase="suspect")


def _since(state: State, recent: tuple[bool, ...], windows: tuple[str, ...]) -> str | None:
    """Return the first window of the run: a confirmed run keeps its own, a young one starts at the oldest drifted."""
    if not any(recent):
        return None
    if state.phase in ("drifted", "retransferring") and state.since is not None:
        return state.since
    return windows[recent.index(True)]


def _start_over(state: State, champion: str) -> State:
    """Forget the windows judged against another champion; keep what limits retransfers and the open alert."""
    return State(champion=champion, retransfers=state.retransfers, alert_open=state.alert_open)
