"""A whole search in memory: plan, try, rank. For benchmarks, tests and notebooks; `flows/` does the same on the record.

What is ranked first is not yet fit to serve: the gate, or the guard without labels (`put_forward`), has the last word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from lepton.core.config.settings import TransferConfig
from lepton.core.decisions.gate import Verdict
from lepton.core.table import Table
from lepton.models.features import FeatureCache
from lepton.models.model import Model
from lepton.transfer import get_strategy
from lepton.transfer.candidates import Candidate, try_strategy
from lepton.transfer.choice import IntArray, case_of, measured_gain
from lepton.transfer.guard import PUT_FORWARD, judge_without_labels
from lepton.transfer.history import Record
from lepton.transfer.label_shift import plausible_prior
from lepton.transfer.planner import Outcome, next_step, plan, rank, why_stopped
from lepton.transfer.signals import measure
from lepton.transfer.strategy import TargetData


@dataclass(frozen=True)
class Search:
    """What was tried, and in which order it is to be put forward."""

    candidates: dict[str, Candidate]
    """By label, in the order in which they were tried."""
    ranking: tuple[str, ...]
    """Labels, best first."""
    seconds: float
    """Spent on all of them."""
    stopped: str
    """Why nothing else was tried."""

    @property
    def winner(self) -> Candidate:
        """Return the first of the ranking."""
        return self.candidates[self.ranking[0]]


def search(
    ancestor: Model,
    train: Table,
    held_out: Table,
    config: TransferConfig | None = None,
    seed: int = 0,
    records: Sequence[Record] = (),
    cache: FeatureCache | None = None,
) -> Search:
    """Return what the planner tries on a target, within the budget, and how it ranks it; held-out rows rank nothing.

    Args:
        ancestor: Where to start.
        train: Rows to adapt to, labelled or not.
        held_out: Rows that candidates are measured on, for the gate.
        config: Strategies and budgets; by default the default ones.
        seed: Of everything random.
        records: Of earlier transfers.
        cache: Of frozen features.

    Raises:
        UsageError: If a configured strategy is unknown.
        LeptonError: If a label is none of the ancestor's classes.
    """
    config = config or TransferConfig()
    truth = ancestor.label_indices(train.labelled().labels)
    signals = measure(ancestor, TargetData.of(ancestor, train, cache, inputs=False))
    steps = plan(config, signals, records, statistics=ancestor.statistics is not None, size=ancestor.size)
    found: dict[str, Candidate] = {}
    done: list[Outcome] = []
    reached: float | None = None
    while step := next_step(steps, done, config, reached):
        strategy = get_strategy(step.strategy)
        chosen = (strategy.shortened(step.share) if step.share < 1 else strategy).config_json()
        candidate = try_strategy(
            step.strategy, ancestor, train, held_out, seed, cache, config=chosen, validate=step.validate
        )
        found[step.label] = candidate
        gain, sd = measured_gain(candidate, found["none"], truth)
        done.append(Outcome(step.strategy, candidate.seconds, gain, sd, step.share))
        reached = max((c.cv.accuracy for c in found.values() if c.cv.accuracy is not None), default=None)
    return Search(
        candidates=found,
        ranking=tuple(label for label, _ in rank(steps, done, config)),
        seconds=sum(outcome.seconds for outcome in done),
        stopped=why_stopped(steps, done, config, reached),
    )


def put_forward(
    ranking: Sequence[str], candidates: Mapping[str, Candidate], ancestor: Model, labels: IntArray
) -> tuple[str, dict[str, Verdict]]:
    """Return the first of the ranking that the guard without labels lets serve, else `none`, and what it said of each.

    Args:
        ranking: Labels of the candidates, best first.
        candidates: By label; `none` among them.
        ancestor: Where all of them started.
        labels: (n,) of the rows that they adapted to, -1 where unknown.
    """
    unadapted, verdicts = candidates["none"], dict[str, Verdict]()
    prior = plausible_prior(ancestor, torch.from_numpy(unadapted.embedding)).numpy()
    for name in ranking[:PUT_FORWARD]:
        if name == "none":
            break
        others = {other: candidate for other, candidate in candidates.items() if other != name}
        case = case_of(candidates[name], unadapted, others, ancestor, labels, prior)
        verdicts[name] = judge_without_labels(case)
        if verdicts[name].passed:
            return name, verdicts
    return "none", verdicts
