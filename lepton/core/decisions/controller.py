"""What to do about one monitored window: a pure function with a memory and a reason for every outcome.

The clock is in the observation, the memory in the state, the taste in the policy; nothing here reads or writes.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

Phase = Literal["stable", "suspect", "drifted", "retransferring", "cooldown", "exhausted"]
Verdict = Literal["judged", "not enough data", "schema breach"]
Kind = Literal["open", "update", "resolve"]
Action = Literal["none", "wait", "suspect", "benign", "alert", "retransfer", "resolve"]

CONFIRMED: tuple[Phase, ...] = ("drifted", "retransferring", "cooldown", "exhausted")
"""Phases of a drift that is confirmed: benign or not mended yet; being mended; mended a short while ago, and back;
beyond what a machine may try, so that a person is asked."""
CRITICAL_COST = 0.05
"""Loss of accuracy from which an alert is critical; people who heard of less are told when it gets that far."""
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
    max_refusals: int = 3
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
    estimated_low: float | None = None
    """Lower end of the estimate's 90 % interval; None where it has none."""
    estimated_high: float | None = None
    """Upper end."""
    realised_accuracy: float | None = None
    """Measured on the window's labels, where it has any."""
    labelled: int = 0
    """Rows of the window whose label is known."""
    expected_low: float | None = None
    """Lower end of the 90 % interval of the expected accuracy; None where it has none."""
    expected_high: float | None = None
    """Upper end."""
    expected_rows: int = 0
    """Labelled rows that measured it; 0 where it is an estimate, or was measured of an earlier champion."""
    pieces: dict[str, float] = field(default_factory=dict)
    """What each piece of the estimate says, by its name: late labels show which of them erred."""
    measured_cost: float | None = None
    """Loss of accuracy against the reference as the labels show it; set where they show it better than the estimate."""
    measured_low: float | None = None
    """Lower end of the 90 % interval of the measured loss; None where nothing is measured."""
    measured_high: float | None = None
    """Upper end."""
    estimate_error: float | None = None
    """Mean absolute error of the estimate in earlier windows of the pair with labels, as a share of rows."""
    report: str | None = None
    """Link to the window's report."""
    verdict: Verdict = "judged"
    """Whether the window could be compared; only then the scores mean anything."""
    problems: tuple[str, ...] = ()
    """What breaks the reference's schema, a line each."""
    batches: tuple[str, ...] = ()
    """What the window was joined from; none where it is one batch of its name."""

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
        """Loss of accuracy against the reference, measured or estimated; 0 where it cannot be estimated."""
        if self.measured_cost is not None:
            return self.measured_cost
        if self.estimated_accuracy is None or self.expected_accuracy is None:
            return 0.0
        return self.expected_accuracy - self.estimated_accuracy

    @property
    def cost_low(self) -> float | None:
        """The least loss of accuracy that the window leaves likely; None where no interval is known."""
        if self.measured_cost is not None:
            return self.measured_low
        if self.expected_accuracy is None or self.estimated_high is None:
            return None
        return self.expected_accuracy - self.estimated_high

    @property
    def cost_high(self) -> float | None:
        """The greatest loss of accuracy that the window leaves likely; None where no interval is known."""
        if self.measured_cost is not None:
            return self.measured_high
        if self.expected_accuracy is None or self.estimated_low is None:
            return None
        return self.expected_accuracy - self.estimated_low

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        lists = {"problems": list(self.problems), "batches": list(self.batches)}
        return {**asdict(self), "time": self.time.isoformat(), **lists}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Observation:
        """Read what `to_json` wrote; what only a later lepton writes is passed over."""
        known = {name: inner for name, inner in value.items() if name in cls.__dataclass_fields__}
        typed: dict[str, Any] = {name: tuple(value.get(name, ())) for name in ("problems", "batches")}
        typed["time"] = datetime.fromisoformat(value["time"])
        return cls(**{**known, **typed})


@dataclass(frozen=True)
class State:
    """What the controller remembers of a pair between windows."""

    champion: str = ""
    phase: Phase = "stable"
    recent: tuple[bool, ...] = ()
    """Whether each of the last windows was drifted, oldest first; at most N of them."""
    windows: tuple[str, ...] = ()
    """Their names."""
    costs: tuple[float, ...] = ()
    """What each of them costs; fewer in a state that an older lepton wrote."""
    since: str | None = None
    """The first drifted window of the present run: what came from it on shows the domain as it is now."""
    alert_open: bool = False
    """Whether the alert of cause `drift` is open."""
    breach_open: bool = False
    """Whether the alert of cause `contract` is open."""
    told_cost: float = 0.0
    """The greatest loss of accuracy that people heard of since the alert of cause `drift` is open."""
    exhausted: bool = False
    """Whether a person was told that the machine may not try again by itself."""
    retransfers: tuple[datetime, ...] = ()
    """When the last retransfers were decided; kept by number, so that a window with a wrong clock cannot erase them."""
    judged: tuple[str, ...] = ()
    """Digests of windows already judged against this champion."""

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return {**asdict(self), "retransfers": [time.isoformat() for time in self.retransfers]}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> State:
        """Read what `to_json` wrote; what only a later lepton writes is passed over."""
        return cls(
            **{
                **{name: inner for name, inner in value.items() if name in cls.__dataclass_fields__},
                "recent": tuple(value["recent"]),
                "judged": tuple(value["judged"]),
                "windows": tuple(value["windows"]),
                "costs": tuple(value.get("costs", ())),
                "retransfers": tuple(datetime.fromisoformat(time) for time in value["retransfers"]),
            }
        )


@dataclass(frozen=True)
class Decision:
    """What the controller did about a window, why, and what it remembers from now on."""

    action: Action
    reason: str
    state: State
    alert: Kind | None = None
    """What to say of the drift."""
    breach: Kind | None = None
    """What to say of the contract."""

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return {**asdict(self), "state": self.state.to_json()}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Decision:
        """Read what `to_json` wrote."""
        known = {name: inner for name, inner in value.items() if name in cls.__dataclass_fields__}
        return cls(**{**known, "state": State.from_json(value["state"])})


def decide(
    state: State, seen: Observation, policy: Policy, in_flight: str | None = None, refusals: int = 0
) -> Decision:
    """Return what to do about one window.

    Args:
        state: What is remembered of the pair.
        seen: The window; its time is the only clock.
        policy: Thresholds and limits.
        in_flight: Identifies a transfer of this pair that is running now, if any.
        refusals: How many transfers in a row the gate refused since this drift began.
    """
    if state.champion != seen.champion:
        state = _start_over(state, seen.champion)
    if seen.digest in state.judged:
        return Decision("none", f"window {seen.window} was judged before", state)
    if seen.verdict == "schema breach":
        return _breached(state, seen)
    if seen.rows < policy.min_rows or seen.verdict == "not enough data":
        return Decision("wait", f"not enough data: {seen.rows} rows, the policy asks for {policy.min_rows}", state)

    if state.breach_open:
        healed = decide(replace(state, breach_open=False), seen, policy, in_flight, refusals)
        return replace(healed, breach="resolve")
    # What confirms a drift must be beyond the upper band each time; once it is confirmed, the lower one holds it.
    bar = policy.exit if state.phase in CONFIRMED else policy.enter
    drifted = seen.score >= bar
    recent = (*state.recent, drifted)[-policy.of :]
    windows = (*state.windows, seen.window)[-policy.of :]
    state = replace(
        state,
        recent=recent,
        windows=windows,
        costs=(*state.costs, seen.cost)[-policy.of :],
        since=_since(state, recent, windows),
        judged=(*state.judged, seen.digest)[-REMEMBERED:],
    )
    if drifted and sum(recent) >= policy.confirm:
        return _confirmed(state, seen, policy, in_flight, refusals)
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
    calm = replace(state, phase="stable", alert_open=False, exhausted=False)
    if state.alert_open:
        return Decision(
            "resolve", f"calm for {len(recent)} window{'s' if len(recent) > 1 else ''}", calm, alert="resolve"
        )
    return Decision("none", f"drift {seen.score:.2f} < {bar:.2f}", calm)


def _breached(state: State, seen: Observation) -> Decision:
    """Decide about a window that breaks the schema: it says nothing of drift, and people hear of it once."""
    first = seen.problems[0] if seen.problems else "its columns are not the reference's"
    more = f" and {len(seen.problems) - 1} more" if len(seen.problems) > 1 else ""
    told: Kind | None = None if state.breach_open else "open"
    kept = replace(state, breach_open=True, judged=(*state.judged, seen.digest)[-REMEMBERED:])
    return Decision("alert", f"schema breach: {first}{more}", kept, breach=told)


def _confirmed(state: State, seen: Observation, policy: Policy, in_flight: str | None, refusals: int) -> Decision:
    """Decide about confirmed drift: harmless, already being mended, not now, a person's turn, or mend it."""
    evidence = f"{seen.aspect} drift {seen.score:.2f} in {sum(state.recent)} of the last {len(state.recent)} windows"
    drifted, cost = replace(state, phase="drifted"), min(seen.cost, _mean_cost(state))
    if cost <= policy.tolerance:
        return Decision(
            "benign",
            f"{evidence}, but the {_known(seen)} cost {cost:+.3f} is within {policy.tolerance:.3f}",
            drifted,
        )
    evidence += f", {_known(seen)} to cost {cost:.3f} of accuracy"
    paged = replace(drifted, alert_open=True, told_cost=max(seen.cost, state.told_cost if state.alert_open else 0.0))
    # One page opens the alert; another follows only when something about it changes.
    alert: Literal["open", "update"] | None = None if state.alert_open else "open"
    if state.alert_open and state.told_cost < CRITICAL_COST <= seen.cost:
        alert = "update"
    if in_flight:
        return Decision(
            "alert", f"{evidence}; transfer {in_flight} is running", replace(paged, phase="retransferring"), alert
        )
    if state.retransfers and seen.time < state.retransfers[-1] + policy.cooldown:
        end = state.retransfers[-1] + policy.cooldown
        cooling = replace(paged, phase="cooldown")
        return Decision("alert", f"{evidence}; cooling down until {end:%Y-%m-%d %H:%M} UTC", cooling, alert)
    spent = sum(time > seen.time - policy.period for time in state.retransfers)
    beyond = f"{spent} retransfers within {policy.period}" if spent >= policy.max_retransfers else ""
    if refusals >= policy.max_refusals:
        beyond = f"the gate refused the last {refusals} transfers"
    if beyond:
        alert = alert or (None if state.exhausted else "update")
        given_up = replace(paged, phase="exhausted", exhausted=True)
        return Decision("alert", f"{evidence}; {beyond}: a person must look", given_up, alert)
    alert = alert or "update"
    acting = replace(
        paged, phase="retransferring", exhausted=False, retransfers=(*state.retransfers, seen.time)[-REMEMBERED:]
    )
    return Decision("retransfer", evidence, acting, alert)


def _mean_cost(state: State) -> float:
    """Return what the drifted ones among the last windows cost on average: one alone is too uncertain to act on."""
    newest_first = zip(reversed(state.recent), reversed(state.costs), strict=False)
    found = [cost for drifted, cost in newest_first if drifted]
    return sum(found) / len(found)


def _known(seen: Observation) -> str:
    return "estimated" if seen.measured_cost is None else "measured"


def _at_least_suspect(state: State) -> State:
    """Return the state as suspect, unless drift is confirmed: that ends only when all recent windows are calm."""
    return state if state.phase in CONFIRMED else replace(state, phase="suspect")


def _since(state: State, recent: tuple[bool, ...], windows: tuple[str, ...]) -> str | None:
    """Return the first window of the run: a confirmed run keeps its own, a young one starts at the oldest drifted."""
    if not any(recent):
        return None
    if state.phase in CONFIRMED and state.since is not None:
        return state.since
    return windows[recent.index(True)]


def _start_over(state: State, champion: str) -> State:
    """Forget the windows judged against another champion; keep what limits retransfers and the open alert."""
    return State(
        champion=champion,
        retransfers=state.retransfers,
        alert_open=state.alert_open,
        breach_open=state.breach_open,
        told_cost=state.told_cost,
    )
