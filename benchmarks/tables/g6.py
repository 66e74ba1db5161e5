"""G6: the base for tables on its own held-out rows, beside boosted trees that were tuned as people tune them.

On each table 3,000 rows at most. The base is what `lepton pretrain` makes of them with no option but the encoder's
name: a network learns from the training split and stops by the validation split, trees are measured on the validation
split and then learn from both, `auto` takes the best of them on the validation split. LightGBM gets both splits: a
random search of TRIALS draws over FOLDS folds, each fold stopping early, then all of these rows. All are scored on the
same rows: the test split, and up to 3,000 more of the table that nobody has seen. The first draw is the library's own
settings. It reads categories as its own, not as the columns that a base is shown.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import digits
import figures
import lightgbm
import numpy as np
import pandas as pd
import parts
from numpy.typing import NDArray
from pairs import read_table
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.model_selection import StratifiedKFold

from lepton.core.config.settings import AUTO, EncoderConfig, PretrainConfig
from lepton.core.splits import split
from lepton.core.table import Table, concat
from lepton.pretraining import pretrain

TRIALS = int(os.environ.get("LEPTON_TRIALS", "100"))
"""Draws of the random search; the figures say how many it was."""
COMMAND = f"LEPTON_TRIALS={TRIALS} python benchmarks/tables --only G6"
FOLDS = 5
MOST_TREES, PATIENCE = 1000, 20
"""Rounds of boosting, and rounds without a better fold before it stops."""
SEEDS = (0,)
TUNED = "lightgbm"
ENCODERS = {AUTO: "", "trees": "t", "tabular": "b", "mlp": "m"}
"""What is named, and the letter of its figures."""
STORED = Path(os.environ.get("LEPTON_TREE_RUNS", digits.WORK / "tree-runs.jsonl"))
"""A line a search, so that one that was interrupted goes on. Bases cost seconds and are of the code as it is."""


@dataclass(frozen=True)
class Source:
    """A table to learn a base from."""

    name: str
    read: Callable[[], Table]
    untouched: bool = False
    """Whether nothing was tuned with it in sight."""


@dataclass(frozen=True)
class Run:
    """How well one model reads one table."""

    table: str
    untouched: bool
    seed: int
    model: str
    """An encoder's name, or `lightgbm`."""
    trials: int
    """Of the search; 0 where there was none."""
    accuracy: float
    """On the held-out rows, in percent."""
    rows: int
    """Held out."""
    took: str = ""
    """The encoder that a base has."""


def measure() -> Iterator[figures.Figure]:
    """Yield how far the bases are from the trees, over all tables and over those that priors are not learnt from."""
    runs = [one(source, model, seed) for source in SOURCES for seed in SEEDS for model in (*ENCODERS, TUNED)]
    yield from figures_of(runs)


def figures_of(runs: list[Run]) -> Iterator[figures.Figure]:
    """Yield the figures of some runs."""
    for encoder, letter in ENCODERS.items():
        for mark, some in (("", runs), ("u", [run for run in runs if run.untouched])):
            means = {name: means_of(some, name) for name in (encoder, TUNED)}
            apart = np.array([means[encoder][table] - means[TUNED][table] for table in means[encoder]])
            at = partial(figures.figure, n=len(apart), seeds=SEEDS, command=COMMAND, trials=TRIALS, folds=FOLDS)
            where = "tables that priors are not learnt from" if mark else "tables"
            yield at(
                f"G6{letter}{mark}a",
                float(apart.mean()),
                f"points of accuracy, {encoder} above tuned LightGBM, mean over {where}",
                bar=-0.3,
                error=round(float(apart.std(ddof=1) / np.sqrt(len(apart))), 2),
                tables={t: [round(means[encoder][t], 1), round(means[TUNED][t], 1)] for t in means[encoder]},
                **({"took": {run.table: run.took for run in some if run.model == encoder}} if encoder == AUTO else {}),
            )
            yield at(f"G6{letter}{mark}b", 100 * float((apart >= 0).mean()), f"% of {where} at or above", bar=50)


def means_of(runs: list[Run], model: str) -> dict[str, float]:
    """Return the mean accuracy of a model over the seeds, by table."""
    tables = {run.table: None for run in runs}
    return {t: float(np.mean([r.accuracy for r in runs if r.table == t and r.model == model])) for t in tables}


def one(source: Source, model: str, seed: int) -> Run:
    """Return one run; of trees, from the file if it is there."""
    if model == TUNED and (found := stored().get((source.name, seed, TRIALS))):
        return found
    learnt, unseen = drawn(source, seed)
    if model == TUNED:
        right, took = tuned(learnt, unseen, seed), ""
    else:
        right, took = base(learnt, unseen, model, seed)
    trials = TRIALS if model == TUNED else 0
    run = Run(source.name, source.untouched, seed, model, trials, 100 * float(right.mean()), len(unseen), took)
    if model == TUNED:
        STORED.parent.mkdir(parents=True, exist_ok=True)
        with STORED.open("a") as file:
            file.write(json.dumps(asdict(run)) + "\n")
    print(f"  {run.table:<26} seed {seed}  {model:<8} {run.accuracy:.2f} {took}", flush=True)
    return run


def stored() -> dict[tuple[str, int, int], Run]:
    """Return the searches that are there, by table, seed and trials."""
    lines = STORED.read_text().splitlines() if STORED.exists() else []
    return {(run.table, run.seed, run.trials): run for run in (Run(**json.loads(line)) for line in lines)}


def drawn(source: Source, seed: int) -> tuple[Table, Table]:
    """Return the rows of a workspace, and those that score: its test split with rows that it does not have."""
    rows = source.read()
    order = np.random.default_rng(seed).permutation(len(rows))
    inside, outside = np.split(order, [parts.SOURCE])
    learnt = rows.take(inside)
    return learnt, concat([split(learnt, "test"), rows.take(outside[: parts.REST])])


def base(learnt: Table, unseen: Table, encoder: str, seed: int) -> tuple[NDArray[np.bool_], str]:
    """Return which of the unseen rows a base reads right, and the encoder that it has."""
    classes = tuple(sorted(set(learnt.labels)))
    made = pretrain(learnt, classes, EncoderConfig(name=encoder), PretrainConfig(), seed=seed, threads=1)
    said = np.array(classes, dtype=object)[made.model.predict_proba(unseen).argmax(axis=1)]
    return np.asarray(said == unseen.labels, dtype=bool), made.model.encoder.name


def tuned(learnt: Table, unseen: Table, seed: int) -> NDArray[np.bool_]:
    """Return which of the unseen rows tuned trees read right."""
    shown = split(learnt, "train", "val")
    x = columns(shown, shown)
    classes, y = np.unique(np.array(shown.labels, dtype=str), return_inverse=True)
    few = {"objective": "binary"} if len(classes) == 2 else {"objective": "multiclass", "num_class": len(classes)}
    shared = {**few, "verbosity": -1, "num_threads": 1, "seed": seed}
    random = np.random.default_rng(seed)
    folds = list(StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(x, y))
    best, settings, length = -1.0, dict[str, Any](), 1
    for trial in range(TRIALS):
        tried = {**shared, **(draw(random) if trial else {})}
        scores, rounds = [], []
        for at, away in folds:
            rows = lightgbm.Dataset(x.iloc[at], y[at], free_raw_data=False)
            held = lightgbm.Dataset(x.iloc[away], y[away], reference=rows, free_raw_data=False)
            stop = [lightgbm.early_stopping(PATIENCE, verbose=False)]
            model = lightgbm.train(dict(tried), rows, MOST_TREES, valid_sets=[held], callbacks=stop)
            scores.append(float((answers(model, x.iloc[away], model.best_iteration) == y[away]).mean()))
            rounds.append(model.best_iteration)
        if np.mean(scores) > best:
            best, settings, length = float(np.mean(scores)), tried, max(1, round(float(np.mean(rounds))))
    model = lightgbm.train(dict(settings), lightgbm.Dataset(x, y), length)
    return np.asarray(classes[answers(model, columns(unseen, shown), length)] == unseen.labels, dtype=bool)


def answers(model: lightgbm.Booster, x: pd.DataFrame, rounds: int) -> NDArray[np.int64]:
    """Return (n,) positions of the classes that trees answer with."""
    said = np.asarray(model.predict(x, num_iteration=rounds))
    return (said > 0.5).astype(np.int64) if said.ndim == 1 else said.argmax(axis=1)


def draw(random: np.random.Generator) -> dict[str, Any]:
    """Return settings of the trees, drawn at random; wide ranges, on a scale of logarithms."""

    def between(low: float, high: float) -> float:
        return float(np.exp(random.uniform(np.log(low), np.log(high))))

    return {
        "learning_rate": between(0.01, 0.3),
        "num_leaves": round(between(4, 128)),
        "min_data_in_leaf": round(between(2, 100)),
        "lambda_l2": between(1e-3, 100),
        "feature_fraction": random.uniform(0.3, 1.0),
    }


def columns(rows: Table, shown: Table) -> pd.DataFrame:
    """Return the columns of rows as trees read them: numbers as they are, texts as the categories that were shown."""
    assert rows.frame is not None
    assert shown.frame is not None
    found = rows.frame.copy()
    for name in found.columns:
        if not pd.api.types.is_numeric_dtype(found[name].dtype):
            levels = sorted(shown.frame[name].dropna().astype(str).unique())
            found[name] = pd.Categorical(found[name], categories=levels)
    return found


def _bundled(load: Callable[..., Any], tag: str) -> Table:
    """Return a table that comes with scikit-learn."""
    found = load(as_frame=True)
    return read_table(found.data.assign(label=found.target.astype(str)), tag)


def _sources() -> Iterator[Source]:
    """Yield the source of each pair, once, and the tables that come with scikit-learn."""
    for pair in parts.PAIRS:
        name = f"{pair.family}, {pair.name.split(' to ')[0].removesuffix(' on')}"
        yield Source(name, partial(_first, pair), pair.untouched)
    yield Source("breast cancer", partial(_bundled, load_breast_cancer, "cancer"))
    yield Source("wine cultivars", partial(_bundled, load_wine, "cultivar"))


def _first(pair: parts.Pair) -> Table:
    return pair.read()[0]


SOURCES = tuple(_sources())
