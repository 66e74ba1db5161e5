"""A run replayed: what planner and guard would have done, given what every strategy came to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache, partial
from types import SimpleNamespace
from typing import Any

import numpy as np
from runs import STRATEGIES, Run, Tried, base_of, read, signals_of, train_rows

from lepton.core.config.settings import TransferConfig
from lepton.core.decisions.gate import Verdict
from lepton.transfer.candidates import Candidate
from lepton.transfer.history import Record
from lepton.transfer.judgement import Rivals, judge
from lepton.transfer.planner import Step
from lepton.transfer.search import Ground, Search, ranking_had
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
    verdict: Verdict
    """What was said of it, or why nothing was let through."""
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
    told, config = _told(run), TransferConfig(strategies=STRATEGIES, combine=False, budget_seconds=budget)
    work = Search(replace(_ground(run), config=config), Stored(run))
    planned = work.plan(records, told.signals)
    attempts = work.run(planned)
    order = tuple(place.label for place in work.ranking(planned, attempts))
    candidates = {one.strategy: _candidate(run, one.strategy, one.validated) for one in attempts}
    rerank = partial(ranking_had, config, planned, attempts)
    judged = judge(_ground(run), order, candidates, Rivals(_ground(run).ancestor), rerank)
    return Replayed(
        run=run,
        ladder=told.accuracy,
        cost=told.cost,
        tried=tuple(one.label for one in attempts),
        spent=sum(one.seconds for one in attempts),
        chosen=order[0],
        promoted=judged.winner if judged.verdict.passed else "none",
        verdict=judged.verdict,
        stopped=work.why_stopped(planned, attempts),
        records=tuple(one.record(planned.signals, one.measured.gain) for one in attempts if one.strategy != "none"),
    )


class Stored:
    """The shelf of a search over a run that was made before: nothing is fitted again."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def get(self, step: Step) -> Any:
        """Return what a strategy came to; without out-of-fold answers if the plan does not cross-validate it."""
        assert step.share == 1, "a trial run was not recorded"
        return _candidate(self.run, step.strategy, step.validate)

    def begin(self, step: Step) -> None:
        """Nothing begins."""

    def put(self, step: Step, candidate: Candidate) -> None:
        """Nothing is made."""
        raise AssertionError(f"{step.label} of {self.run.name} is not on disk")


@dataclass(frozen=True)
class _Told:
    """What is known of a run before it is replayed; by strategy."""

    signals: Signals
    accuracy: dict[str, float]
    """On the test images."""
    cost: dict[str, float]
    """Seconds, cross-validation included."""


@cache
def _told(run: Run) -> _Told:
    found, rows = _stored(run)
    return _Told(
        signals=signals_of(run),
        accuracy={name: float((t.test.argmax(axis=1) == rows["test"]).mean()) for name, t in found.items()},
        cost={name: _spent_on(tried, True) for name, tried in found.items()},
    )


@cache
def _ground(run: Run) -> Ground:
    """Return what a run works on; none of its rows is held out, the test images only score it."""
    rows = train_rows(run)
    return Ground(base_of(run), rows, rows.take(np.arange(0)), seed=run.seed)


_stored = lru_cache(maxsize=8)(read)
"""What came of a run, from disk; some megabytes each."""


def _spent_on(tried: Tried, validated: bool) -> float:
    """Return what a strategy cost: as a whole, or without its folds, each taken to cost what the fit did."""
    whole, fit, folds = (tried.about[key] for key in ("seconds", "fit_seconds", "cv"))
    return float(whole if validated else max(whole - folds["folds"] * fit, fit))


def _candidate(run: Run, name: str, validated: bool) -> Any:
    """Return what search and judgement look at of a candidate."""
    tried = _stored(run)[0][name]
    nothing = np.empty((0, tried.answers.shape[1]))
    about = {**tried.about, "seconds": _spent_on(tried, validated), "validated": validated, "metrics": {}}
    return SimpleNamespace(
        strategy=name,
        size=tried.about["size"],
        digest=tried.about["model_digest"],
        answers=tried.answers,
        embedding=tried.embedding,
        probabilities=nothing,
        out_of_fold=tried.out_of_fold if validated else nothing,
        to_json=lambda: about,
    )
