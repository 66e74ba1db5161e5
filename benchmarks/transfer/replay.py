"""A run replayed: what planner and guard would have done, given what every strategy came to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
from runs import STRATEGIES, Run, Tried, base_of, read, signals_of

from lepton.core.config.settings import TransferConfig
from lepton.core.decisions.gate import Verdict
from lepton.transfer.choice import measured_gain
from lepton.transfer.engine import put_forward
from lepton.transfer.guard import PUT_FORWARD
from lepton.transfer.history import Record
from lepton.transfer.planner import Outcome, Step, next_step, plan, rank, why_stopped
from lepton.transfer.signals import Signals

BUDGET = 60.0
"""Seconds a run."""


@dataclass(frozen=True)
class Replayed:
    """What came of a run."""

    run: Run
    ladder: dict[str, float]
    """Accuracy on the test images of every strategy of the run."""
    cost: dict[str, float]
    """Seconds of every strategy, cross-validation included."""
    tried: tuple[str, ...]
    """What the planner tried, in order."""
    spent: float
    """Seconds that it spent."""
    chosen: str
    """What it ranked first."""
    promoted: str
    """What the guard let serve; `none` if it stayed with the un-adapted base."""
    verdicts: dict[str, Verdict]
    stopped: str
    records: tuple[Record, ...]
    """What the ledger would remember of it."""

    @property
    def best(self) -> str:
        """Return the best strategy by the test images."""
        return max(self.ladder, key=lambda name: self.ladder[name])

    @property
    def gain(self) -> float:
        """Return the points that what is promoted gains on the test images."""
        return 100 * (self.ladder[self.promoted] - self.ladder["none"])


def replay(run: Run, records: Sequence[Record] = (), budget: float = BUDGET) -> Replayed:
    """Return what planner and guard do with a run, looking at nothing that they could not know.

    Args:
        run: One of those on disk.
        records: Of earlier transfers.
        budget: Seconds.
    """
    told = _told(run)
    config = TransferConfig(strategies=STRATEGIES, combine=False, budget_seconds=budget)
    steps = plan(config, told.signals, records, size=told.size)
    done: list[Outcome] = []
    planned: dict[str, Step] = {}
    while step := next_step(steps, done, config):
        assert step.share == 1, "a trial run was not recorded"
        planned[step.strategy] = step
        gain, sd = told.gains[step.strategy, step.validate]
        done.append(Outcome(step.strategy, told.seconds[step.strategy, step.validate], gain, sd, step.share))
    order = tuple(name for name, _ in rank(steps, done))
    promoted, verdicts = _promoted(
        run, order[:PUT_FORWARD], frozenset((name, step.validate) for name, step in planned.items())
    )
    return Replayed(
        run=run,
        ladder=told.accuracy,
        cost={name: told.seconds[name, True] for name in told.accuracy},
        tried=tuple(planned),
        spent=sum(outcome.seconds for outcome in done),
        chosen=order[0],
        promoted=promoted,
        verdicts=verdicts,
        stopped=why_stopped(steps, done, config),
        records=tuple(
            Record(
                o.strategy, told.signals, o.gain, o.seconds, planned[o.strategy].seconds / planned[o.strategy].slowness
            )
            for o in done
            if o.strategy != "none"
        ),
    )


@dataclass(frozen=True)
class _Told:
    """What the planner is told of a run; by strategy, and whether it is cross-validated."""

    signals: Signals
    size: int
    accuracy: dict[str, float]
    """On the test images."""
    seconds: dict[tuple[str, bool], float]
    gains: dict[tuple[str, bool], tuple[float | None, float]]


@cache
def _told(run: Run) -> _Told:
    found, rows = read(run)
    truth = rows["labels"][rows["labels"] >= 0]
    seconds, gains = {}, {}
    for name, tried in found.items():
        for validated in (True, False):
            seconds[name, validated] = _spent_on(tried, validated)
            one, none = _candidate(name, tried, validated), _candidate("none", found["none"], True)
            gains[name, validated] = measured_gain(one, none, truth)
    return _Told(
        signals=signals_of(run),
        size=base_of(run).size,
        accuracy={name: float((t.test.argmax(axis=1) == rows["test"]).mean()) for name, t in found.items()},
        seconds=seconds,
        gains=gains,
    )


@cache
def _promoted(run: Run, order: tuple[str, ...], tried: frozenset[tuple[str, bool]]) -> tuple[str, dict[str, Verdict]]:
    """Return what the guard lets serve of candidates in that order, and what it said."""
    found, rows = read(run)
    seen = {name: _candidate(name, found[name], validated) for name, validated in tried}
    return put_forward(order, seen, base_of(run), rows["labels"])


def _spent_on(tried: Tried, validated: bool) -> float:
    """Return what a strategy cost: as a whole, or without its folds, each taken to cost what the fit did."""
    whole, fit, folds = (tried.about[key] for key in ("seconds", "fit_seconds", "cv"))
    return float(whole if validated else max(whole - folds["folds"] * fit, fit))


def _candidate(name: str, tried: Tried, validated: bool) -> Any:
    """Return what the engine looks at of a candidate; without out-of-fold answers if it was not cross-validated."""
    k = tried.answers.shape[1]
    return SimpleNamespace(
        strategy=name,
        answers=tried.answers,
        embedding=tried.embedding,
        out_of_fold=tried.out_of_fold if validated else np.empty((0, k)),
    )
