"""T5, T6 and T7: negative transfer, the value of the guard, and the planner, over the 144 runs of `runs.py`.

Every strategy was run once on every run, whole. Here planner and guard go through the runs in order, looking at nothing
that they could not have known, and remembering the runs before as the ledger would; the target's test images only score
what they decided. The ladder, the planner's prior, was read off the runs of seed 0, and the spreads off all seeds, so
seeds 1 and 2 are the ones to look at; each figure gives them apart.

T7d to T7f compare what the planner learns with the fixed ladder, on five random orders of the runs.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import figures
import numpy as np
import torch
from replay import BUDGET, Replayed, replay
from runs import FOLDER, LABELS, SEEDS, Run, all_runs, make

from lepton.transfer.history import Record

COMMAND = "python benchmarks/transfer --only T5"
WORSE = 0.5
"""Points below the un-adapted base from which a promotion counts as negative transfer."""
ORDERS, SOON = 5, 50
GOAL, REACHED, UNIT = 0.95, 10.0, 0.1
"""Accuracy aimed at, what reaching it is worth, and the share of the budget that is one unit of cost."""


def measure() -> list[figures.Figure]:
    """Return the figures of all three, and of the learning."""
    played = play(list(all_runs()))
    return [negative(played), guarded(played), *planned(played), *learnt()]


def play(runs: Sequence[Run]) -> list[Replayed]:
    """Return what planner and guard do with runs, one after the other, each remembering those before."""
    torch.set_num_threads(1)
    remembered, played = list[Record](), list[Replayed]()
    for run in runs:
        if not (FOLDER / run.name).exists():  # `runs.py` makes them in several processes
            make(run)
        played.append(replay(run, remembered))
        remembered.extend(played[-1].records)
    return played


def negative(played: Sequence[Replayed]) -> figures.Figure:
    """Return T5: how many promotions are worse than the un-adapted base."""
    return _figure(
        "T5",
        sum(p.gain < -WORSE for p in played),
        f"of {len(played)} promoted models worse than un-adapted by more than {WORSE} points",
        played,
        bar="0",
        published="61 % of a public benchmark's runs",
        worst=round(min(p.gain for p in played), 2),
        any_worse=sum(p.gain < 0 for p in played),
        stayed_with_the_base=sum(p.promoted == "none" for p in played),
        put_forward_worse=sum(_ahead(p, p.chosen) < -WORSE for p in played),
        tried_worse=round(100 * statistics.mean(_worse_tries(p) for p in played), 1),
        unadapted=round(100 * statistics.mean(p.ladder["none"] for p in played), 2),
    )


def guarded(played: Sequence[Replayed]) -> figures.Figure:
    """Return T6: which share of the gain that hindsight could have had is promoted."""
    rng = np.random.default_rng(0)
    gains, best = _gains(played)
    drawn = rng.integers(0, len(played), size=(2000, len(played)))
    shares = gains[drawn].sum(axis=1) / best[drawn].sum(axis=1)
    return _figure(
        "T6",
        100 * gains.sum() / best.sum(),
        "% of the gain of the best candidate by test labels",
        played,
        bar=">= 80",
        interval=[round(100 * float(v), 1) for v in np.quantile(shares, (0.025, 0.975))],
        mean_gain=round(float(gains.mean()), 2),
        best_gain=round(float(best.mean()), 2),
        by_labels={n: round(100 * _share(p), 1) for n, p in _by_labels(played).items()},
        other_seeds=round(100 * _share([p for p in played if p.run.seed]), 1),
        promoted={name: [p.promoted for p in played].count(name) for name in sorted({p.promoted for p in played})},
    )


def planned(played: Sequence[Replayed]) -> list[figures.Figure]:
    """Return T7: points behind the best strategy, share of the cost of running all, most of the budget spent."""
    behind = [_ahead(p, p.best) - _ahead(p, p.chosen) for p in played]
    cost = {n: round(100 * _cost(p), 1) for n, p in _by_labels(played).items()}
    alone = {
        n: round(100 * sum(p.cost[p.best] for p in group) / sum(sum(p.cost.values()) for p in group), 1)
        for n, group in _by_labels(played).items()
    }
    return [
        _figure(
            "T7a",
            statistics.mean(behind),
            "points behind the best strategy by test labels",
            played,
            bar="<= 0.5",
            most=round(max(behind), 2),
            other_seeds=round(statistics.mean(b for b, p in zip(behind, played, strict=True) if p.run.seed), 3),
            chosen={name: [p.chosen for p in played].count(name) for name in sorted({p.chosen for p in played})},
        ),
        _figure(
            "T7b",
            100 * _cost(played),
            "% of the cost of running all",
            played,
            bar="<= 35",
            by_labels=cost,
            the_best_alone=alone,
        ),
        _figure(
            "T7c",
            100 * max(p.spent for p in played) / BUDGET,
            "% of the budget, the most of any run",
            played,
            bar="<= 110",
        ),
    ]


def learnt() -> list[figures.Figure]:
    """Return T7d, T7e and T7f: reward with memory less reward by the fixed ladder; early, late, and the most behind."""
    runs = list(all_runs())
    fixed = {run: _reward(replay(run)) for run in runs}
    early: list[float] = []
    late: list[float] = []
    lowest: list[float] = []
    for seed in range(ORDERS):
        remembered: list[Record] = []
        ahead: list[float] = []
        for k in np.random.default_rng(seed).permutation(len(runs)):
            found = replay(runs[k], remembered)
            remembered.extend(found.records)
            ahead.append(_reward(found) - fixed[runs[k]])
        early.append(statistics.mean(ahead[:SOON]))
        late.append(statistics.mean(ahead[SOON:]))
        lowest.append(float((np.cumsum(ahead) / np.arange(1, len(ahead) + 1))[SOON // 5 :].min()))
    unit = "points of reward a transfer ahead of the fixed ladder"
    notes = {"goal": GOAL, "reached": REACHED, "unit_of_cost": f"{UNIT:g} of the budget"}
    mean_fixed = round(statistics.mean(fixed.values()), 3)
    return [
        figures.figure(
            name,
            statistics.mean(values),
            what,
            len(runs),
            range(ORDERS),
            COMMAND,
            each=values,
            ladder=mean_fixed,
            **notes,
        )
        for name, what, values in (
            ("T7d", f"{unit}, the first {SOON}", early),
            ("T7e", f"{unit}, after {SOON}", late),
            ("T7f", f"{unit}: lowest running mean from the tenth on", lowest),
        )
    ]


def _figure(name: str, value: float, unit: str, played: Sequence[Replayed], **notes: object) -> figures.Figure:
    return figures.figure(name, value, unit, len(played), SEEDS, COMMAND, budget_seconds=BUDGET, **notes)


def _ahead(played: Replayed, name: str) -> float:
    """Return the points that a strategy gains on the test images."""
    return 100 * (played.ladder[name] - played.ladder["none"])


def _worse_tries(played: Replayed) -> float:
    """Return the share of all strategies that lose against the un-adapted base: what is there to be guarded against."""
    others = [name for name in played.ladder if name != "none"]
    return statistics.mean(_ahead(played, name) < -WORSE for name in others)


def _gains(played: Sequence[Replayed]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([p.gain for p in played]), np.array([_ahead(p, p.best) for p in played])


def _share(played: Sequence[Replayed]) -> float:
    gains, best = _gains(played)
    return float(gains.sum() / best.sum())


def _cost(played: Sequence[Replayed]) -> float:
    return sum(p.spent for p in played) / sum(sum(p.cost.values()) for p in played)


def _by_labels(played: Sequence[Replayed]) -> dict[int, list[Replayed]]:
    return {labels: [p for p in played if p.run.labels == labels] for labels in LABELS}


def _reward(played: Replayed) -> float:
    """Return the points gained, more for the goal, less for the cost."""
    cost = played.spent / (UNIT * BUDGET)
    return played.gain + REACHED * (played.ladder[played.promoted] >= GOAL) - cost
