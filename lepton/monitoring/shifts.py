"""Simulated drift that changes no row, only how often rows come. It costs no answer of the champion.

Each family gives weights to held-out rows whose labels are known; a window is drawn by them. `mix`: one class comes
more often. `columns`: high or low numbers of a column, or one of its categories. `directions`: rows far out in the
champion's embedding. `subpopulation`: the rows around one of them. `order`: the reference's own course, neighbours in
time.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lepton.monitoring.answers import Judged

Weights = NDArray[np.float64]
Shift = Callable[[Judged, int, np.random.Generator], Weights | None]
"""Rows, strength 1 to 3, chance -> (n,) weights that sum to 1; None where such rows have nothing to shift."""

TILT = (0.7, 1.5, 3.0)
"""By strength: how the log of a row's weight follows what is tilted, in standard deviations of it."""
LEADING = 8
"""Directions of the embedding that are tilted or grouped by."""
TIMES = (2.0, 5.0, 20.0)
"""By strength: how much likelier a row of the class becomes."""
COURSE = (0.5, 0.25, 0.1)
"""By strength: how much of the course a window is."""
NEIGHBOURS = (0.4, 0.2, 0.1)
"""By strength: the share of the rows that is the subpopulation."""
OTHERS = 0.1
"""Of the window: rows from elsewhere."""


def mix(before: Judged, strength: int, rng: np.random.Generator) -> Weights | None:
    """Favour the rows of one class, each class looking as before (label shift); see `Shift`."""
    known = [label for label in before.classes if (before.table.labels == label).any()]
    if len(known) < 2:
        return None
    weights = np.where(before.table.labels == known[int(rng.integers(len(known)))], TIMES[strength - 1], 1.0)
    return np.asarray(weights / weights.sum())


def columns(before: Judged, strength: int, rng: np.random.Generator) -> Weights | None:
    """Tilt a column of the table; see `Shift`. Rows without columns have none."""
    if before.table.frame is None:
        return None
    frame = before.table.frame[before.table.plain_columns()]
    varied = [name for name in frame.columns if frame[name].nunique() > 1]
    if not varied:
        return None
    values = frame[varied[int(rng.integers(len(varied)))]]
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
        # By rank: a column of amounts has a long tail, which is one row's luck.
        ranks = pd.Series(numbers).rank(na_option="top").to_numpy(dtype=np.float64)
        return tilted(rng.choice((-1, 1)) * ranks, strength)
    texts = values.astype(str).to_numpy(dtype=object)
    chosen = texts[int(rng.integers(len(texts)))]
    return tilted((texts == chosen).astype(np.float64), strength)


def directions(before: Judged, strength: int, rng: np.random.Generator) -> Weights | None:
    """Tilt one of the leading directions; see `Shift`."""
    along = leading(before)
    if not along.shape[1]:
        return None
    return tilted(rng.choice((-1, 1)) * along[:, int(rng.integers(along.shape[1]))], strength)


def subpopulation(before: Judged, strength: int, rng: np.random.Generator) -> Weights | None:
    """Favour the neighbours of a row; see `Shift`."""
    along = leading(before)
    if not along.shape[1]:
        return None
    away = np.linalg.norm(along - along[int(rng.integers(len(along)))], axis=1)
    near = away <= np.quantile(away, NEIGHBOURS[strength - 1])
    return np.asarray(np.where(near, (1 - OTHERS) / near.sum(), OTHERS / max(1, (~near).sum())))


def order(before: Judged, strength: int, rng: np.random.Generator) -> Weights | None:
    """Take rows that are neighbours in order of delivery; see `Shift`."""
    count = max(1, round(COURSE[strength - 1] * len(before)))
    start = int(rng.integers(len(before) - count + 1))
    at = np.arange(len(before))
    return np.asarray(((at >= start) & (at < start + count)) / count)


def tilted(values: NDArray[np.float64], strength: int) -> Weights:
    """Return weights that favour rows of high values (n,), none of them missing."""
    scaled = (values - values.mean()) / max(float(values.std()), 1e-9)
    # Beyond three standard deviations a few rows would be the whole window.
    weights = np.exp(TILT[strength - 1] * np.clip(scaled, -3, 3))
    return np.asarray(weights / weights.sum())


def leading(before: Judged) -> NDArray[np.float64]:
    """Return (n, at most LEADING) the rows along the leading directions of their embedding, of unit spread."""
    rows = before.embedding.astype(np.float64)
    moved = rows - rows.mean(axis=0)
    left, sizes, _ = np.linalg.svd(moved, full_matrices=False)
    kept = sizes[:LEADING] > 1e-6 * max(float(sizes[0]), 1e-12)
    return np.asarray(left[:, :LEADING][:, kept] * np.sqrt(len(rows)))


SHIFTS: dict[str, Shift] = {family.__name__: family for family in (mix, columns, directions, subpopulation, order)}
"""Name -> family."""
