"""A run replayed: what planner and guard would have done, given what every strategy came to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from runs import STRATEGIES, Run, Tried, base_of, read, signals_of

from lepton.core.config import TransferConfig
from lepton.core.gate import Verdict
from lepton.transfer.choice import case_of, measured_gain
from lepton.transfer.guard import judge_without_labels
from lepton.transfer.history import Record
from lepton.transfer.label_shift import plausible_prior
from lepton.transfer.planner import Outcome, Step, next_step, plan, rank, why_stopped

BUDGET = 60.0
"""Seconds a run."""
PUT_FORWARD = 3
"""As in the product: candidates that the guard without labels is asked about."""


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
    found, rows = read(run)
    labels, signals, ancestor = rows["labels"], signals_of(run), base_of(run)
    truth = labels[labels >= 0]
    config = TransferConfig(strategies=STRATEGIES, combine=False, budget_seconds=budget)
    steps = plan(config, signals, records, size=ancestor.size)
    done: list[Outcome] = []
    seen: dict[str, Any] = {}
    planned: dict[str, Step] = {}
    while step := next_step(steps, done, config):
        planned[step.strategy] = step
        seen[step.strategy] = _candidate(found[step.strategy], step)
        gain, sd = measured_gain(seen[step.strategy], seen["none"], truth)
        done.append(Outcome(step.strategy, spent_on(found[step.strategy], step), gain, sd, step.share))
        assert step.share == 1, "a trial run was not recorded"
    order = [name for name, _ in rank(steps, done)]
    prior = plausible_prior(ancestor, torch.from_numpy(found["none"].embedding)).numpy()
    promoted, verdicts = "none", {}
    for name in order[:PUT_FORWARD]:
        if name == "none":
            break
        others = {other: value for other, value in seen.items() if other != name}
        case = case_of(seen[name], seen["none"], others, ancestor, labels, prior)
        verdicts[name] = judge_without_labels(case)
        if verdicts[name].passed:
            promoted = name
            break
    return Replayed(
        run=run,
        ladder={name: float((t.test.argmax(axis=1) == rows["test"]).mean()) for name, t in found.items()},
        cost={name: float(t.about["seconds"]) for name, t in found.items()},
        tried=tuple(seen),
        spent=sum(outcome.seconds for outcome in done),
        chosen=order[0],
        promoted=promoted,
        verdicts=verdicts,
        stopped=why_stopped(steps, done, config),
        records=tuple(
            Record(o.strategy, signals, o.gain, o.seconds, planned[o.strategy].seconds / planned[o.strategy].slowness)
            for o in done
            if o.strategy != "none"
        ),
    )


def spent_on(tried: Tried, step: Step) -> float:
    """Return what a step costs: measured as a whole, or without its folds, each taken to cost what the fit did."""
    whole, fit, folds = (tried.about[key] for key in ("seconds", "fit_seconds", "cv"))
    return float(whole if step.validate else max(whole - folds["folds"] * fit, fit))


def records_of(run: Run) -> list[Record]:
    """Return what the ledger would remember of a run of which everything was tried."""
    found, rows = read(run)
    signals = signals_of(run)
    accuracy = {name: float((t.test.argmax(axis=1) == rows["test"]).mean()) for name, t in found.items()}
    return [
        Record(
            strategy=name,
            signals=signals,
            gain=100 * (accuracy[name] - accuracy["none"]),
            seconds=float(tried.about["seconds"]),
            predicted=float(tried.about["seconds"]),
        )
        for name, tried in found.items()
        if name != "none"
    ]


def _candidate(tried: Tried, step: Step) -> Any:
    """Return what the engine looks at of a candidate; without out-of-fold answers if the step did not ask for them."""
    k = tried.answers.shape[1]
    return SimpleNamespace(
        strategy=step.strategy,
        answers=tried.answers,
        embedding=tried.embedding,
        out_of_fold=tried.out_of_fold if step.validate else np.empty((0, k)),
    )
