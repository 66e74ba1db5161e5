"""Stratified folds that also work for a handful of labels, and the choice of a setting by them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray


def fold_of(labels: NDArray[np.int64], most: int, seed: int) -> tuple[NDArray[np.int64] | None, str]:
    """Return the fold of each labelled row, None if none can be held back, and a note if there are fewer than `most`.

    Rows of a class are dealt to the folds in turn, starting where the class before ended, so that folds are of equal
    size and every class is spread as evenly as it can be.

    Args:
        labels: (n,) known labels.
        most: Folds wanted.
        seed: Of the order within a class.
    """
    n = len(labels)
    folds = min(most, n)
    if folds < 2:
        return None, f"{n} labelled row(s): none can be held back, so nothing was cross-validated"
    random = np.random.default_rng(seed)
    dealt = np.concatenate([random.permutation(np.flatnonzero(labels == c)) for c in np.unique(labels)])
    parts = np.empty(n, dtype=np.int64)
    parts[dealt] = np.arange(n) % folds
    note = "" if folds == most else f"{n} labelled rows allow {folds} folds instead of {most}"
    return parts, note


def least_loss(
    options: Sequence[float],
    labels: NDArray[np.int64],
    folds: int,
    seed: int,
    loss: Callable[[float, NDArray[np.bool_]], float],
) -> float:
    """Return the option that loses least on rows that were held back: the first of equals, and if none can be.

    Args:
        options: To choose among, at least one.
        labels: (n,) known labels.
        folds: Most folds.
        seed: Of the folds.
        loss: Of an option fitted without the rows (n,) that are marked, summed over these.
    """
    parts, _ = fold_of(labels, folds, seed)
    if parts is None or len(options) < 2:
        return options[0]
    held_back = [parts == fold for fold in range(int(parts.max()) + 1)]
    losses = [sum(loss(option, out) for out in held_back) for option in options]
    return options[losses.index(min(losses))]
