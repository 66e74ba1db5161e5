"""What the controller goes by and remembers of a pair between windows, what it decides, and how a memory goes on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from lepton.core.decisions.harm import Harm
from lepton.core.decisions.observation import LATER, Observation, written

Phase = Literal["stable", "suspect", "drifted", "retransferring", "cooldown", "exhausted"]
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
    page_at_once: float = 0.15
    """Loss of accuracy that one window is enough for, if its whole interval lies beyond it."""
    act_on_unknown: bool = False
    """Whether confirmed drift whose cost nobody knows starts a retransfer; else people are asked for labels."""
    cooldown: timedelta = timedelta(hours=1)
    max_retransfers: int = 4
    max_refusals: int = 3
    period: timedelta = timedelta(hours=24)


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
    scores: tuple[float, ...] = field(default=(), metadata=LATER)
    """Their drift scores; fewer in a state that an older lepton wrote."""
    since: str | None = None
    """The first drifted window of the present run: what came from it on shows the domain as it is now."""
    alert_open: bool = False
    """Whether the alert of cause `drift` is open."""
    breach_open: bool = False
    """Whether the alert of cause `contract` is open."""
    told_cost: float = 0.0
    """The greatest loss of accuracy that people heard of since the alert of cause `drift` is open."""
    proven: str | None = field(default=None, metadata=LATER)
    """The window whose labels proved a loss that no drift showed: calm windows do not end what they cannot see."""
    cleared: float = field(default=0.0, metadata=LATER)
    """Drift score up to which the labels of this champion's windows showed that nothing is lost."""
    accepted: str | None = field(default=None, metadata=LATER)
    """The last window of the drift that stands which was found harmless, by estimate or by its labels: a further change
    is told from it, not only from what the champion was adapted to."""
    spoken: datetime | None = field(default=None, metadata=LATER)
    """When the newest window came whose labels said something: those of an older one change nothing any more."""
    exhausted: bool = False
    """Whether a person was told that the machine may not try again by itself."""
    retransfers: tuple[datetime, ...] = ()
    """When the last retransfers were decided; kept by number, so that a window with a wrong clock cannot erase them."""
    judged: tuple[str, ...] = ()
    """Digests of windows already judged against this champion."""

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        times = {"spoken": None if self.spoken is None else self.spoken.isoformat()}
        told = {**asdict(self), **times, "retransfers": [time.isoformat() for time in self.retransfers]}
        return written(self, told)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> State:
        """Read what `to_json` wrote; what only a later lepton writes is passed over."""
        known = {name: inner for name, inner in value.items() if name in cls.__dataclass_fields__}
        lists: dict[str, Any] = {name: tuple(value.get(name, ())) for name in _LISTS}
        lists["retransfers"] = tuple(map(datetime.fromisoformat, lists["retransfers"]))
        spoken = value.get("spoken")
        return cls(**{**known, **lists, "spoken": None if spoken is None else datetime.fromisoformat(spoken)})


_LISTS = ("recent", "windows", "costs", "scores", "judged", "retransfers")


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
    harm: Harm | None = field(default=None, metadata=LATER)
    """Whether confirmed drift hurts; None where that was not asked."""

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return written(self, {**asdict(self), "state": self.state.to_json()})

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Decision:
        """Read what `to_json` wrote."""
        known = {name: inner for name, inner in value.items() if name in cls.__dataclass_fields__}
        return cls(**{**known, "state": State.from_json(value["state"])})


def remembered(state: State, seen: Observation, drifted: bool, policy: Policy) -> State:
    """Return the state with one more window."""
    recent = (*state.recent, drifted)[-policy.of :]
    windows = (*state.windows, seen.window)[-policy.of :]
    return replace(
        state,
        recent=recent,
        windows=windows,
        costs=(*state.costs, seen.cost)[-policy.of :],
        scores=(*state.scores, seen.score)[-policy.of :],
        since=_since(state, recent, windows),
        judged=(*state.judged, seen.digest)[-REMEMBERED:],
    )


def corrected(state: State, seen: Observation) -> State:
    """Return the state with what labels say now of a window that it remembers."""
    if seen.window not in state.windows[-len(state.costs) :]:
        return state
    costs, back = list(state.costs), len(state.windows) - state.windows.index(seen.window)
    costs[-back] = seen.cost
    return replace(state, costs=tuple(costs))


def at_least_suspect(state: State) -> State:
    """Return the state as suspect, unless drift is confirmed: that ends only when all recent windows are calm."""
    return state if state.phase in CONFIRMED else replace(state, phase="suspect")


def earliest(state: State, window: str) -> str:
    """Return the first window of a run that one whose labels prove a loss belongs to; it may be long gone."""
    if state.since is None or (window not in state.windows and state.phase not in CONFIRMED):
        return window
    if window in state.windows and state.since in state.windows:
        return min(window, state.since, key=state.windows.index)
    return state.since


def start_over(state: State, champion: str) -> State:
    """Forget the windows judged against another champion; keep what limits retransfers and the open alert."""
    return State(
        champion=champion,
        retransfers=state.retransfers,
        alert_open=state.alert_open,
        breach_open=state.breach_open,
        told_cost=state.told_cost,
    )


def _since(state: State, recent: tuple[bool, ...], windows: tuple[str, ...]) -> str | None:
    """Return the first window of the run: a confirmed run keeps its own, a young one starts at the oldest drifted."""
    if state.since is not None and (state.proven is not None or (any(recent) and state.phase in CONFIRMED)):
        return state.since
    return windows[recent.index(True)] if any(recent) else None
