"""G3 to G5: what serves after a transfer, on real tables: never worse than un-adapted, most of what was to be gained.

Through the product's own search and judgement, as `lepton transfer` runs them with no option but a budget of 40 s, on
a target of a thousand rows of which 0, 5 or 20 a class are labelled. Some of the labelled are held out, as in a
workspace. Three thousand other rows score. Beside it stand two simple models: logistic regression on the target's
labels alone, and on these with the source's rows, whichever is better by the scoring rows.

LEPTON_TABLE_ENCODER names another encoder than the default; give it a LEPTON_TABLE_RUNS of its own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import digits
import figures
import numpy as np
import parts
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from lepton.core.config.settings import EncoderConfig, PretrainConfig, TransferConfig
from lepton.core.decisions.belief import Z90
from lepton.core.table import Table
from lepton.models.model import Model
from lepton.operations.transfer.rows import pick_rows
from lepton.pretraining import pretrain
from lepton.transfer.conviction import belief_in
from lepton.transfer.judgement import Rivals, judge
from lepton.transfer.search import Ground, ranking_had, search

COMMAND = "python benchmarks/tables --only G3"
LABELS, SEEDS = (0, 5, 20), (0, 1)
BUDGET = 40.0
ENCODER = os.environ.get("LEPTON_TABLE_ENCODER")
STORED = Path(os.environ.get("LEPTON_TABLE_RUNS", digits.WORK / "table-runs.jsonl"))
"""A line a run, so that one that was interrupted goes on."""


@dataclass(frozen=True)
class Run:
    """What became of one transfer."""

    family: str
    pair: str
    untouched: bool
    labels: int
    seed: int
    unadapted: float
    """Accuracies on the scoring rows, in percent."""
    served: float
    best: float
    """Of the best candidate by the scoring rows."""
    simple: float | None
    """Of the better simple model; None without labels."""
    winner: str
    passed: bool
    cross_fitted: int
    basis: str
    reasons: tuple[str, ...]
    seconds: float
    winner_gain: float | None = None
    """Points of the winner above what is believed of it against, by the scoring rows; None where it is that itself."""
    believed: tuple[float, float, float] | None = None
    """Expected gain and its standard deviation in points, and the chance that there is any."""

    @property
    def harm(self) -> float:
        """Points below the un-adapted base."""
        return self.unadapted - self.served


def measure() -> Iterator[figures.Figure]:
    """Yield harm, share of the possible gain, the comparison with simple models, and whether what is believed holds."""
    runs = [one(pair, count, seed) for seed in SEEDS for pair in parts.PAIRS for count in LABELS]
    yield from figures_of(runs)


def figures_of(runs: list[Run]) -> Iterator[figures.Figure]:
    """Yield the figures of some runs."""

    def at(name: str, value: float, unit: str, **more: Any) -> figures.Figure:
        name, command = (
            (f"{name} {ENCODER}", f"LEPTON_TABLE_ENCODER={ENCODER} {COMMAND}") if ENCODER else (name, COMMAND)
        )
        return figures.figure(name, value, unit, n=len(runs), seeds=SEEDS, command=command, **more)

    worse = [run for run in runs if run.harm > 0.5]
    by_family = {f: round(float(np.mean([r.harm > 0.5 for r in runs if r.family == f])), 3) for f in families(runs)}
    yield at(
        "G3a",
        100 * len(worse) / len(runs),
        "% of runs in which what serves is worse by > 0.5 points",
        bar=2,
        families=by_family,
        worst=[f"{r.pair}, {r.labels} labels, seed {r.seed}: {r.harm:.1f}" for r in worse],
    )
    yield at("G3b", max(run.harm for run in runs), "points, the most that what serves is worse", bar=3)
    for letter, count, bar in (("a", 20, 75), ("b", 5, 50)):
        some = [run for run in runs if run.labels == count]
        possible = sum(max(run.best - run.unadapted, 0.0) for run in some)
        got = sum(run.served - run.unadapted for run in some)
        yield at(
            f"G4{letter}",
            100 * got / possible,
            f"% of the possible gain that serves, {count} labels a class",
            bar=bar,
            promoted=sum(run.passed for run in some),
            of=len(some),
        )
    some = [run for run in runs if run.labels == 20 and run.simple is not None]
    yield at(
        "G5a",
        100 * float(np.mean([r.served >= (r.simple or 0) for r in some])),
        "% of runs at or above the better simple model, 20 labels a class",
        bar=80,
    )
    some = [run for run in runs if run.labels == 5 and run.simple is not None]
    yield at(
        "G5b",
        float(np.mean([r.served - (r.simple or 0) for r in some])),
        "points above the better simple model, mean, 5 labels a class",
        bar=0,
    )
    told = [(run.winner_gain, *run.believed) for run in runs if run.believed and run.winner_gain is not None]
    if told:
        gains, means, sds, chances = np.array(told).T
        held = np.abs(gains - means) <= Z90 * sds
        yield at(
            "G10a", 100 * float(held.mean()), "% of 90 % intervals of what is believed that hold the gain", of=len(told)
        )
        yield at(
            "G10b",
            float(np.mean((chances - (gains > 0)) ** 2)),
            "mean squared error of the chance that there is a gain (always 50 %: 0.25)",
            of=len(told),
            better=round(float(np.mean(gains > 0)), 3),
        )


def families(runs: list[Run]) -> list[str]:
    """Return the tables that some runs are of."""
    return sorted({run.family for run in runs})


def one(pair: parts.Pair, count: int, seed: int) -> Run:
    """Return one run, from the file if it is there."""
    key = (pair.family, pair.name, count, seed)
    if key in (known := stored()):
        return known[key]
    torch.set_num_threads(1)
    rows, model = parts.drawn(pair, seed), base(pair, seed)
    target = pick_rows(parts.with_labels(rows.adapt, count, seed, rows.classes), None, False, seed, rows.classes)
    ground = Ground(model, target.train, target.held_out, TransferConfig(budget_seconds=BUDGET), seed=seed)
    found = search(ground)
    order = [place.label for place in found.ranking]
    rerank = partial(ranking_had, ground.config, found.plan, found.attempts)
    judged = judge(ground, order, found.candidates, Rivals(model), rerank)
    winner = found.candidates[judged.winner]
    belief = belief_in(winner, found.plan, judged.verdict, ground, Rivals(model))
    right = partial(accuracy, rows.rest)
    unadapted = right(model)
    run = Run(
        pair.family,
        pair.name,
        pair.untouched,
        count,
        seed,
        unadapted=unadapted,
        served=right(winner.model) if judged.verdict.passed else unadapted,
        best=max(right(candidate.model) for candidate in found.candidates.values()),
        simple=simple(model, rows, ground) if count else None,
        winner=judged.winner,
        passed=judged.verdict.passed,
        cross_fitted=judged.verdict.cross_fitted,
        basis=judged.verdict.basis,
        reasons=judged.verdict.reasons,
        seconds=found.seconds,
        winner_gain=right(winner.model) - unadapted if belief else None,
        believed=(belief.gain, belief.sd, belief.chance) if belief else None,
    )
    STORED.parent.mkdir(parents=True, exist_ok=True)
    with STORED.open("a") as file:
        file.write(json.dumps(asdict(run)) + "\n")
    print(
        f"  {run.pair:<24} {count:>2} labels, seed {seed}: {run.unadapted:.1f} -> {run.served:.1f}"
        f" (best {run.best:.1f}, simple {run.simple or 0:.1f}) {run.winner} {run.basis} {run.reasons}",
        flush=True,
    )
    return run


def stored() -> dict[tuple[str, str, int, int], Run]:
    """Return the runs that are there, by table, pair, labels and seed."""
    lines = STORED.read_text().splitlines() if STORED.exists() else []
    runs = [Run(**{**json.loads(line), "reasons": tuple(json.loads(line)["reasons"])}) for line in lines]
    return {(run.family, run.pair, run.labels, run.seed): run for run in runs}


@cache
def base(pair: parts.Pair, seed: int) -> Model:
    """Return the base of a pair, as `lepton pretrain` makes it."""
    rows = parts.drawn(pair, seed)
    return pretrain(
        rows.source, rows.classes, EncoderConfig(name=ENCODER), PretrainConfig(), seed=seed, threads=1
    ).model


def accuracy(rows: Table, model: Model) -> float:
    """Return how many rows a model reads right, in percent."""
    return 100 * float((model.predict_proba(rows).argmax(axis=1) == model.label_indices(rows.labels)).mean())


def simple(model: Model, rows: parts.Drawn, ground: Ground) -> float:
    """Return the accuracy of the better of two logistic regressions: the target's labels alone, and with the source."""
    labelled = ground.train.labelled()
    x, y = _plain(model, labelled), model.label_indices(labelled.labels)
    source, classes = _plain(model, rows.source), model.label_indices(rows.source.labels)
    unseen, truth = _plain(model, rows.rest), model.label_indices(rows.rest.labels)
    weights = np.concatenate([np.full(len(source), len(x) / len(source)), np.ones(len(x))])
    found = []
    if len(set(y)) > 1:
        found.append(LogisticRegression(C=1.0, max_iter=1000).fit(x, y).predict(unseen))
    both = LogisticRegression(C=1.0, max_iter=1000)
    found.append(both.fit(np.concatenate([source, x]), np.concatenate([classes, y]), weights).predict(unseen))
    return 100 * max(float((answers == truth).mean()) for answers in found)


def _plain(model: Model, rows: Table) -> NDArray[np.float64]:
    return model.inputs.plain(model.inputs.to_tensor(rows))
