"""Which rows to label next: spread over what the models answer and where they look, each row with the same chance.

What decides is known before a label is: only rows that two models answer differently carry evidence in a paired test,
and a row near a border of the classes says more than one far inside. So the rows are laid in one line, sorted by
whether the models differ, by the class that is answered, by the cluster of the embedding and by how sure the answer is,
and picks are taken at even distances along it. Each kind of row then has its share among few picks already, which is
stratification with proportional allocation: never worse than rows drawn blindly but for a part in n, and better the
more the kinds differ in how often a model is right (Cochran 1977, chapters 5 and 8).

Doubtful rows are *not* taken more often than others, tempting as it is. A label stays: the gate, the cross-fitted test,
the monitor and the temperature all read it as that of any row. Labels that were picked because a model was unsure are a
biased sample (Dasgupta 2011; Farquhar et al. 2021): the accuracy that they measure is far too low, so that a monitor
would page, and a challenger that gains on doubtful rows and breaks sure ones would pass. Weights of one over the
chance mend that for one comparison (Sawade et al. 2012; Kossen et al. 2021), but they would have to follow each label
for ever. With equal chances the plain mean is unbiased for whoever reads it (Horvitz & Thompson 1952), after any number
of rounds.

The distance is the golden section of the line, round and round from a place drawn at random: the points of every
beginning of this sequence are evenly spread (Weyl 1916), so whoever stops early has a sample that is as good, and the
picks for a smaller number are a part of those for a larger one. Turning the line by a row turns the picks by a row, so
no place on it is taken more often than another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton.core.splits import unit
from lepton.core.work.files import digest

CLUSTERS = 8
"""Groups of the embedding: more would leave less than a pick to most of them, within a class, of the usual twenty."""
ROUNDS = 10
"""Of k-means: strata need not be the best groups there are."""
GOLDEN = (sqrt(5) - 1) / 2

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Picks:
    """The rows that were picked, and how all rows were told apart for it."""

    rows: IntArray
    """(m,) positions, each once, in the order in which they were picked."""
    classes: IntArray
    """(n,) the class that the first model answers."""
    clusters: IntArray
    """(n,) the group of the embedding."""


def pick_rows_to_label(
    ids: Sequence[str],
    chances: FloatArray,
    embedding: FloatArray,
    differ: NDArray[np.bool_] | None,
    n: int,
    seed: int = 0,
) -> Picks:
    """Return `n` rows, or all if there are fewer; in whatever order they come, the same rows and seed give the same.

    Args:
        ids: Of the rows, (n,) and distinct: chance comes from them and the seed alone.
        chances: (n, k) probabilities of the model that serves.
        embedding: (n, d) its embedding.
        differ: (n,) whether another model answers otherwise; None where there is no other.
        n: How many.
        seed: Another seed, another place to begin at.
    """
    order = np.argsort([unit(f"{seed}:{one}") for one in ids], kind="stable")
    classes, clusters = chances.argmax(axis=1), np.empty(len(ids), dtype=np.int64)
    clusters[order] = _clusters(embedding[order], seed)
    apart = np.zeros(len(ids), dtype=bool) if differ is None else differ
    keys = (_margin(chances), clusters, classes, ~apart)  # the last one counts first
    line = order[np.lexsort([key[order] for key in keys])]
    start = unit(digest([seed, sorted(ids)]))
    return Picks(line[evenly(len(line), n, start)], classes, clusters)


def evenly(places: int, n: int, start: float) -> IntArray:
    """Return min(n, places) distinct places in [0, places), at golden sections of a ring that begins at `start`.

    Args:
        places: How many there are.
        n: How many are wanted.
        start: In [0, 1).
    """
    found: dict[int, None] = {}
    turn = 0
    while len(found) < min(n, places):  # each place is met within three rounds for each that there is
        found[min(int((start + turn * GOLDEN) % 1.0 * places), places - 1)] = None
        turn += 1
    return np.fromiter(found, dtype=np.int64, count=len(found))


def _margin(chances: FloatArray) -> FloatArray:
    """Return (n,) how far the likeliest class is ahead of the next one: 0 on the border, 1 where it is sure."""
    best = np.sort(chances, axis=1)[:, ::-1]
    found: FloatArray = best[:, 0] - best[:, 1] if best.shape[1] > 1 else best[:, 0]
    return found


def _clusters(embedding: FloatArray, seed: int) -> IntArray:
    """Return (n,) groups by k-means (Lloyd 1982) from spread starts (Arthur & Vassilvitskii 2007).

    In plain numpy on purpose: several threads would add up in another order each time, and on a busy machine wait for
    each other.
    """
    points, random = np.nan_to_num(embedding.astype(np.float64), posinf=0.0, neginf=0.0), np.random.default_rng(seed)
    centres = points[:1]
    while len(centres) < CLUSTERS and (gaps := _squares(points, centres).min(axis=1)).any():
        centres = np.vstack([centres, points[random.choice(len(points), p=gaps / gaps.sum())]])
    for _ in range(ROUNDS):
        nearest = _squares(points, centres).argmin(axis=1)
        groups = [points[nearest == k] for k in range(len(centres))]
        centres = np.stack([rows.mean(axis=0) if len(rows) else centres[k] for k, rows in enumerate(groups)])
    found: IntArray = _squares(points, centres).argmin(axis=1)
    return found


def _squares(points: FloatArray, centres: FloatArray) -> FloatArray:
    """Return (n, c) squared distances."""
    return np.stack([((points - centre) ** 2).sum(axis=1) for centre in centres], axis=1)
