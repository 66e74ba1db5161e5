"""Stratified folds that also work for a handful of labels."""

from __future__ import annotations

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
