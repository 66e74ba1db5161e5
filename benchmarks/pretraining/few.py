"""What P1 to P3 share: rows by split, a probe on a few labels, episodes of a few rows."""

from __future__ import annotations

import numpy as np
import torch
from digits import CLASSES, Arrays, load, some, table
from numpy.typing import NDArray

from lepton.core.splits import split_of
from lepton.core.table import Table
from lepton.models.device import repeatable
from lepton.models.model import Model
from lepton.transfer import TargetData, get_strategy


def rows_of(name: str, count: int, seed: int) -> Table:
    """Return `count` labelled training rows of a collection, ids by position in it."""
    return table(some(load(name)[0], count, seed), f"{name}-{seed}")


def with_few_labels(rows: Table, train: int, val: int) -> Table:
    """Return the rows with `train` and `val` labels in these splits, the classes alike, and all of the test split."""
    place, keep = split_of(rows.ids), np.full(len(rows), False)
    for part, count in (("train", train), ("val", val)):
        for label in CLASSES:
            keep[np.flatnonzero((place == part) & (rows.labels == label))[: count // len(CLASSES)]] = True
    keep |= place == "test"  # measures the base, teaches nothing
    return rows.with_labels(np.where(keep, rows.labels, None))


def probed(base: Model, name: str, per_class: int, seed: int) -> float:
    """Return the accuracy, %, on a collection's official test part, of a probe on so many random labels a class."""
    train, test = load(name)
    random = np.random.default_rng(seed)
    chosen = np.concatenate([random.permutation(np.flatnonzero(train[1] == k))[:per_class] for k in range(10)])
    rows: Arrays = train[0][chosen], train[1][chosen]
    with repeatable(1):
        target = TargetData.of(base, table(rows, f"{name}-few"))
        model = get_strategy("probe").adapt(base, target, seed)
        return 100 * accuracy(model.predict_proba(table(test, f"{name}-test")), test[1])


def accuracy(probabilities: NDArray[np.float64], truth: NDArray[np.int64]) -> float:
    """Return the share of right answers."""
    return float((probabilities.argmax(axis=1) == truth).mean())


def by_prototypes(base: Model, name: str, shots: int, episodes: int, seed: int) -> list[float]:
    """Return the accuracy, %, of the nearest class mean in each of some 10-way episodes of a collection's test part."""
    x, y = load(name)[1]
    with repeatable(1):
        features = torch.nn.functional.normalize(base.features(table((x, y), f"{name}-test")), dim=1).numpy()
    random, found = np.random.default_rng(seed), []
    for _ in range(episodes):
        drawn = [random.permutation(np.flatnonzero(y == k))[: shots + 15] for k in range(10)]
        means = np.stack([features[rows[:shots]].mean(axis=0) for rows in drawn])
        asked = np.stack([features[rows[shots:]] for rows in drawn])
        told = (asked @ (means / np.linalg.norm(means, axis=1, keepdims=True)).T).argmax(axis=2)
        found.append(100 * float((told == np.arange(10)[:, None]).mean()))
    return found
