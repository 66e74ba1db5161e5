"""One window judged: what is seen of it, and what the controller makes of that. Nothing here writes or tells.

The monitor, the backfill, the replay and the benchmarks judge through here; they differ in where the windows come
from, and in what becomes of the judgement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from lepton.core.decisions.controller import decide
from lepton.core.decisions.memory import Decision, Policy, State
from lepton.core.decisions.observation import Observation

if TYPE_CHECKING:
    from lepton.monitoring.baseline import Baseline
    from lepton.monitoring.window import Window


@dataclass(frozen=True)
class Memory:
    """What is known of a pair besides the window."""

    state: State = field(default_factory=State)
    """What the controller remembers."""
    running: str | None = None
    """The transfer of the pair that is running now, if any."""
    refusals: int = 0
    """Transfers in a row that the gate refused since this drift began."""


@dataclass(frozen=True)
class Judgement:
    """A window, and what to do about it."""

    observation: Observation
    decision: Decision


def judge(look: Callable[[], Observation], recall: Callable[[], Memory], policy: Policy) -> Judgement:
    """Look at a window, then decide with what is known of its pair at that moment: looking takes its seconds."""
    seen = look()
    memory = recall()
    return Judgement(seen, decide(memory.state, seen, policy, memory.running, memory.refusals))


def judge_all(baseline: Baseline, windows: Iterable[Window], state: State | None = None) -> Iterator[Judgement]:
    """Judge windows one after the other with one champion; no transfer ever comes in between.

    Args:
        baseline: What they are compared with.
        windows: In order of time.
        state: What the controller remembers before the first; nothing by default.
    """
    state = state or State()
    for window in windows:
        done = judge(partial(_look, baseline, window), partial(Memory, state), baseline.policy)
        state = done.decision.state
        yield done


def _look(baseline: Baseline, window: Window) -> Observation:
    return baseline.observe(window).observation
