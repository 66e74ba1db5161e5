"""Gradient-boosted trees, grown by LightGBM and handed on as plain arrays: nothing of the library is kept.

Ke et al. 2017, "LightGBM". Two ensembles are grown and averaged: one whose splits are the best of a random part of rows
and columns, and one whose thresholds are drawn at random (Geurts et al. 2006), which errs elsewhere. On fourteen public
tables the pair was read 0.4 points better than either, and better than the best of five by cross-validation. How many
rounds each gets is found by cross-validation within the rows; then all of them are learnt from.

Every tree is written as a perfect one of DEPTH levels, so that walking it needs no pointers. Thresholds are rounded
down to float32: for values that are float32 themselves, `value <= threshold` is decided as LightGBM decides it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton.core.errors import LeptonError
from lepton.core.extras import require
from lepton.core.work import Progress, silent

DEPTH = 6
"""Levels of splits of a tree."""
SPLITS = 2**DEPTH - 1
LEAVES = 2**DEPTH
MOST_ROUNDS, PATIENCE = 500, 40
"""Rounds of boosting of an ensemble, and rounds without a better fold before it stops."""
MOST_TREES = 6000
"""Of all ensembles together: many classes get fewer rounds each, for an answer must stay cheap."""
ZERO = np.float32(1e-35)
"""LightGBM takes for 0 what is no further from it: of the split at its negative, that number itself goes right."""
FOLDS = 4
ONE_SPLIT = 10_000
"""Rows from which on one fold of the cross-validation says enough."""
FEWEST_A_FOLD = 2
"""Rows of a class that it takes to deal them to folds."""

Shape = Mapping[str, Any]
"""Parameters of LightGBM, as it calls them."""

_SHARED: Shape = {
    "max_depth": DEPTH,
    "feature_fraction": 0.65,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "use_missing": False,  # prepared rows have no gaps: an indicator stands beside each number
    "verbosity": -1,
}
_SHAPES: tuple[Shape, ...] = (
    {**_SHARED, "learning_rate": 0.05, "num_leaves": 16, "min_data_in_leaf": 5, "lambda_l2": 3.0},
    {
        **_SHARED,
        "learning_rate": 0.1,
        "num_leaves": 40,
        "min_data_in_leaf": 3,
        "lambda_l2": 2.0,
        "extra_trees": True,
    },
)
"""Of the ensembles. Small leaves and strong penalties suit a few thousand rows; more rows take more rounds."""


@dataclass(frozen=True)
class Ensemble:
    """T trees as arrays, in the order of the rounds, those of one round side by side: one for each margin."""

    feature: NDArray[np.int32]
    """(T, SPLITS) column that a split asks, breadth first."""
    threshold: NDArray[np.float32]
    """(T, SPLITS): a value that is not above it goes left. The largest number where there is no split."""
    leaf: NDArray[np.float64]
    """(T, LEAVES) what a row in that place adds to the margin; 0 where no row can come."""

    def __len__(self) -> int:
        return len(self.feature)


@dataclass(frozen=True)
class Grown:
    """What was learnt: the mean of the ensembles' margins is the answer."""

    ensembles: tuple[Ensemble, ...]
    margins: int
    """One where two classes were seen, the log-odds of the second; else one a class, up to a constant."""
    seen: tuple[int, ...]
    """Positions of the classes that have a row."""

    @property
    def rounds(self) -> tuple[int, ...]:
        """Of each ensemble."""
        return tuple(len(ensemble) // self.margins for ensemble in self.ensembles)


def grow(
    x: NDArray[np.float32],
    y: NDArray[np.int64],
    seed: int,
    progress: Progress = silent,
    rounds: Sequence[int] = (),
) -> Grown:
    """Return trees that tell the classes of rows apart; the same bits for the same arguments on one platform.

    Args:
        x: (n, columns) without gaps.
        y: (n,) positions of classes; at least two are seen.
        seed: Of folds, and of what each round sees.
        progress: Called after every fold and every ensemble.
        rounds: Of each ensemble, where they are known; by default the cross-validation finds them.

    Raises:
        MissingPackage: If LightGBM is not installed.
    """
    _check_library()
    seen, places = np.unique(y, return_inverse=True)
    margins = 1 if len(seen) == 2 else len(seen)
    most = max(1, min(MOST_ROUNDS, MOST_TREES // (margins * len(_SHAPES))))
    folds = [] if rounds else _folds(places, seed)
    total, ensembles = len(_SHAPES) * (len(folds) + 1), []
    for number, shape in enumerate(_SHAPES):
        settings = {**shape, **_objective(len(seen)), "seed": seed + number}
        done = number * (len(folds) + 1)
        losses = []
        for fold in folds:
            losses.append(_losses(x, places, fold, settings, most))
            done += 1
            progress(done, total, f"trees, fold {len(losses)}/{len(folds)} of ensemble {number + 1}/{len(_SHAPES)}")
        count = rounds[number] if rounds else _best_round(losses) if losses else most // 4
        ensembles.append(_fit(x, places, settings, count))
        progress(done + 1, total, f"trees, ensemble {number + 1}/{len(_SHAPES)}: {count} rounds")
    return Grown(tuple(ensembles), margins, tuple(int(c) for c in seen))


def _objective(classes: int) -> Shape:
    return {"objective": "binary"} if classes == 2 else {"objective": "multiclass", "num_class": classes}


def _folds(y: NDArray[np.int64], seed: int) -> list[NDArray[np.bool_]]:
    """Return (n,) masks of rows held back, each class dealt evenly; none where a class has too few rows to be dealt."""
    counts = np.bincount(y)
    if counts.min() < FEWEST_A_FOLD:
        y = np.where(counts[y] < FEWEST_A_FOLD, -1, y)  # those stay in every training part
    random = np.random.default_rng(seed)
    part = np.full(len(y), -1)
    for label in np.unique(y[y >= 0]):
        at = random.permutation(np.flatnonzero(y == label))
        part[at] = np.arange(len(at)) % FOLDS
    return [part == k for k in range(1 if len(y) >= ONE_SPLIT else FOLDS) if (part == k).any()]


def _losses(
    x: NDArray[np.float32], y: NDArray[np.int64], out: NDArray[np.bool_], settings: Shape, most: int
) -> NDArray[np.float64]:
    """Return (rounds,) the log loss of rows held back after every round, until it falls no more."""
    import lightgbm

    rows = lightgbm.Dataset(x[~out], y[~out], params=dict(settings))
    away = lightgbm.Dataset(x[out], y[out], reference=rows, params=dict(settings))
    told: dict[str, dict[str, list[float]]] = {}
    heard = [lightgbm.early_stopping(PATIENCE, verbose=False), lightgbm.record_evaluation(told)]
    lightgbm.train(dict(settings), rows, most, valid_sets=[away], valid_names=["away"], callbacks=heard)
    (losses,) = told["away"].values()
    return np.array(losses)


def _best_round(losses: Sequence[NDArray[np.float64]]) -> int:
    """Return after how many rounds the mean loss of the folds is least."""
    shortest = min(map(len, losses))
    return 1 + int(np.mean([some[:shortest] for some in losses], axis=0).argmin())


def _check_library() -> None:
    """Refuse where LightGBM is not installed, or the library that it computes in parallel with is not.

    Raises:
        LeptonError: In either case.
    """
    require("lightgbm")
    try:
        import lightgbm  # noqa: F401
    except OSError as error:
        raise LeptonError(
            "LightGBM cannot be loaded.",
            why=str(error),
            fix=["apt-get install libgomp1  (its wheel leaves that to the system)", "name another encoder"],
        ) from None


def _fit(x: NDArray[np.float32], y: NDArray[np.int64], settings: Shape, rounds: int) -> Ensemble:
    import lightgbm

    booster = lightgbm.train(dict(settings), lightgbm.Dataset(x, y, params=dict(settings)), rounds)
    return read(booster.dump_model()["tree_info"])


def read(trees: Sequence[Mapping[str, Any]]) -> Ensemble:
    """Return LightGBM's description of trees as arrays; numbers in it have all their digits.

    Args:
        trees: `tree_info` of a dumped model; no tree is deeper than DEPTH, and every split is `<=`.
    """
    largest = np.finfo(np.float32).max
    feature = np.zeros((len(trees), SPLITS), dtype=np.int32)
    threshold = np.full((len(trees), SPLITS), largest, dtype=np.float32)
    leaf = np.zeros((len(trees), LEAVES))
    for number, tree in enumerate(trees):
        waiting = [(tree["tree_structure"], 0)]
        while waiting:
            node, at = waiting.pop()
            if "split_feature" in node:
                assert node["decision_type"] == "<="
                feature[number, at] = node["split_feature"]
                threshold[number, at] = _down(node["threshold"])
                waiting += [(node["left_child"], 2 * at + 1), (node["right_child"], 2 * at + 2)]
            else:  # whatever reaches it goes left from here on: the thresholds below are the largest number
                while at < SPLITS:
                    at = 2 * at + 1
                leaf[number, at - SPLITS] = node["leaf_value"]
    return Ensemble(feature, threshold, leaf)


def _down(value: float) -> np.float32:
    """Return the largest float32 that goes left where a split asks for no more than a number."""
    near = np.float32(value)
    left = float(near) <= value and near != -ZERO
    return near if left else np.nextafter(near, np.float32(-np.inf))
