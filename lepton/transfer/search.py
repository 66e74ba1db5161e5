"""The search: plan, try what is worth its cost, rank. In memory, and the same on the record.

Where candidates are kept is the caller's: a transfer keeps them in a folder that survives a kill, everybody else in
memory. What is ranked first is not yet fit to serve: `judgement` has the last word.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property, partial
from typing import Any, Protocol

from lepton.core.config.settings import TransferConfig
from lepton.core.table import Table
from lepton.models.features import FeatureCache
from lepton.models.model import Model
from lepton.transfer import get_strategy
from lepton.transfer.attempt import Attempt, Measured
from lepton.transfer.candidates import Candidate, try_strategy
from lepton.transfer.choice import IntArray, measured_gain
from lepton.transfer.history import Record
from lepton.transfer.planner import Outcome, Step, next_step, plan, rank, why_stopped
from lepton.transfer.signals import Signals, measure
from lepton.transfer.strategy import TargetData

Around = Callable[[str, Callable[[], Attempt]], Attempt]
"""Does a named piece of work; an orchestrator makes a step of it."""


@dataclass(frozen=True)
class Ground:
    """What a search works on: the same for every strategy."""

    ancestor: Model
    """Where to start."""
    train: Table
    """Rows to adapt to, labelled or not."""
    held_out: Table
    """Labelled rows that candidates are measured on, for the gate; they choose nothing."""
    config: TransferConfig = field(default_factory=TransferConfig)
    """Strategies and budgets."""
    seed: int = 0
    threads: int = 1
    cache: FeatureCache | None = None
    """Of frozen features."""
    serves: str | None = None
    """Strategy of the champion, if there is one."""


@dataclass(frozen=True)
class Plan:
    """What could be tried, and in which context."""

    signals: Signals
    steps: tuple[Step, ...]
    """`none` first, then the most promising for its cost."""

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return {"signals": self.signals.to_json(), "steps": [step.to_json() for step in self.steps]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Plan:
        """Read what `to_json` gave, of another lepton too."""
        return cls(Signals.from_json(value["signals"]), tuple(step_from_json(step) for step in value["steps"]))


@dataclass(frozen=True)
class Place:
    """A place in the ranking."""

    label: str
    gain: float
    """Expected points above no adaptation, by promise and measurement together."""
    sd: float

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object, in hundredths of a point."""
        return {"label": self.label, "gain": round(self.gain, 2), "sd": round(self.sd, 2)}


class Shelf(Protocol):
    """Where the candidates of a search are kept."""

    def get(self, step: Step) -> Candidate | None:
        """Return what a step came to; None if nothing was kept of it."""

    def begin(self, step: Step) -> None:
        """Hear that a step is about to be done."""

    def put(self, step: Step, candidate: Candidate) -> None:
        """Keep what a step came to."""


class InMemory:
    """Keeps candidates for as long as the search lasts."""

    def __init__(self) -> None:
        self.candidates: dict[str, Candidate] = {}

    def get(self, step: Step) -> Candidate | None:
        """Return a candidate; see `Shelf.get`."""
        return self.candidates.get(step.label)

    def begin(self, step: Step) -> None:
        """Nobody is told."""

    def put(self, step: Step, candidate: Candidate) -> None:
        """Keep a candidate."""
        self.candidates[step.label] = candidate


class Search:
    """The strategies that a target is worth, tried one after the other.

    Args:
        ground: What is adapted to what.
        shelf: Where candidates are kept; by default in memory.
    """

    def __init__(self, ground: Ground, shelf: Shelf | None = None) -> None:
        self.ground = ground
        self.shelf: Shelf = shelf or InMemory()
        self._done: dict[str, Step] = {}

    def plan(self, records: Sequence[Record] = (), signals: Signals | None = None) -> Plan:
        """Return every configured strategy with its expected gain, its predicted cost and, if it is out, the reason.

        Args:
            records: Of earlier transfers.
            signals: If they were measured before.

        Raises:
            UsageError: If a configured strategy is unknown.
            LeptonError: If a label is none of the ancestor's classes.
        """
        at = self.ground
        if signals is None:
            signals = measure(at.ancestor, TargetData.of(at.ancestor, at.train, at.cache, inputs=False))
        known, learns = at.ancestor.statistics is not None, at.ancestor.encoder.by_gradient
        steps = plan(at.config, signals, records, statistics=known, gradient=learns, size=at.ancestor.size)
        return Plan(signals, tuple(steps))

    def run(self, planned: Plan, around: Around | None = None) -> tuple[Attempt, ...]:
        """Try what pays, within the budget; return the attempts in their order.

        Args:
            planned: The plan.
            around: Does each attempt; by default it is a plain call.
        """
        attempts: list[Attempt] = []
        while chosen := self.next_step(planned, attempts):
            work = partial(self.attempt, chosen)
            attempts.append(around(f"try {chosen.strategy}", work) if around else work())
        return tuple(attempts)

    def next_step(self, planned: Plan, attempts: Sequence[Attempt]) -> Step | None:
        """Return what to try next; None if that is the end."""
        return next_step(
            planned.steps, _outcomes(attempts), self.ground.config, _best_accuracy(attempts), self.ground.serves
        )

    def attempt(self, step: Step) -> Attempt:
        """Fit one strategy and measure it; what is on the shelf already is not fitted again."""
        candidate = self.shelf.get(step)
        if candidate is None:
            self.shelf.begin(step)
            candidate = self._fit(step)
            self.shelf.put(step, candidate)
        self._done[step.label] = step
        unadapted = candidate if step.label == "none" else self.candidate("none")
        return Attempt.of(candidate.to_json(), step, Measured(*measured_gain(candidate, unadapted, self._truth)))

    def candidate(self, label: str) -> Candidate:
        """Return a candidate from the shelf.

        Raises:
            KeyError: If it was not tried.
        """
        found = self.shelf.get(self._done[label])
        if found is None:
            raise KeyError(label)
        return found

    def ranking(self, planned: Plan, attempts: Sequence[Attempt]) -> tuple[Place, ...]:
        """Return what was tried, best first, by promise and measurement together."""
        found = rank(planned.steps, _outcomes(attempts), self.ground.config)
        return tuple(Place(label, expected.gain, expected.sd) for label, expected in found)

    def why_stopped(self, planned: Plan, attempts: Sequence[Attempt]) -> str:
        """Say why nothing else was tried."""
        return why_stopped(planned.steps, _outcomes(attempts), self.ground.config, _best_accuracy(attempts))

    def _fit(self, step: Step) -> Candidate:
        at, strategy = self.ground, get_strategy(step.strategy)
        return try_strategy(
            step.strategy,
            at.ancestor,
            at.train,
            at.held_out,
            seed=at.seed,
            cache=at.cache,
            threads=at.threads,
            config=(strategy.shortened(step.share) if step.share < 1 else strategy).config_json(),
            validate=step.validate,
        )

    @cached_property
    def _truth(self) -> IntArray:
        """(m,) the known labels of the rows to adapt to."""
        return self.ground.ancestor.label_indices(self.ground.train.labelled().labels)


@dataclass(frozen=True)
class Found:
    """What a search came to."""

    plan: Plan
    attempts: tuple[Attempt, ...]
    candidates: Mapping[str, Candidate]
    """By label, in the order in which they were tried."""
    ranking: tuple[Place, ...]
    stopped: str
    """Why nothing else was tried."""

    @property
    def winner(self) -> Candidate:
        """Return the first of the ranking."""
        return self.candidates[self.ranking[0].label]

    @property
    def seconds(self) -> float:
        """Return what all of it took."""
        return sum(attempt.seconds for attempt in self.attempts)


def search(ground: Ground, records: Sequence[Record] = ()) -> Found:
    """Return what the planner tries on a target and how it ranks it, all in memory.

    Args:
        ground: What is adapted to what.
        records: Of earlier transfers.

    Raises:
        UsageError: If a configured strategy is unknown.
        LeptonError: If a label is none of the ancestor's classes.
    """
    work = Search(ground)
    planned = work.plan(records)
    attempts = work.run(planned)
    candidates = {attempt.label: work.candidate(attempt.label) for attempt in attempts}
    ranking, stopped = work.ranking(planned, attempts), work.why_stopped(planned, attempts)
    return Found(planned, attempts, candidates, ranking, stopped)


def ranking_had(
    config: TransferConfig, planned: Plan, attempts: Sequence[Attempt], measured: Mapping[str, Measured]
) -> list[str]:
    """Return the labels of what was tried, best first, had it been measured so; the others as they were.

    Args:
        config: Strategies and budgets.
        planned: The plan.
        attempts: What came of it.
        measured: Label -> other measurements.
    """
    again = [replace(attempt, measured=measured.get(attempt.label, attempt.measured)) for attempt in attempts]
    return [label for label, _ in rank(planned.steps, _outcomes(again), config)]


def step_from_json(value: Mapping[str, Any]) -> Step:
    """Read what `Step.to_json` gave; what only another lepton writes is passed over."""
    return Step(**{one.name: value[one.name] for one in fields(Step) if one.name in value})


def _outcomes(attempts: Sequence[Attempt]) -> list[Outcome]:
    return [attempt.outcome() for attempt in attempts]


def _best_accuracy(attempts: Sequence[Attempt]) -> float | None:
    """Return the best cross-validated accuracy so far; None if nothing could be held back."""
    return max((a.cv.accuracy for a in attempts if a.cv.accuracy is not None), default=None)
