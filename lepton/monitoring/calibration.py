"""Thresholds from the reference against itself, so that "drift" has the same, stated meaning for every pair.

For windows of one size, many pairs of samples are drawn from the reference and compared with the very statistic that
Evidently computes on real windows. A column's statistic is divided by its own null scale, the largest over all
columns of all aspects is taken, and the threshold is the quantile which that largest exceeds in a share
`rate` of the draws: one window has one chance to be a false alarm, however many columns are watched.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lepton.core.work.files import atomic_write
from lepton.monitoring.aspects import Column, known

VERSION = 1
"""Part of the cache's key: raise it when the numbers of equal inputs change."""
SAFETY = 1.2
"""A finite reference is not the population: every window is compared with the same, slightly wrong, sample, and the
tails of the null are known from few rows. Real faults score 5 and more; a false alarm costs an engineer's night."""
DRAWS = 1000
AT_ONCE = 250


@dataclass(frozen=True)
class Calibration:
    """What each column's statistic may reach in a window of `size` rows without drift."""

    thresholds: dict[str, float]
    reference_rows: int
    size: int
    rate: float
    draws: int
    seed: int


def calibrate(columns: Sequence[Column], size: int, rate: float, seed: int, cache: Path | None = None) -> Calibration:
    """Return thresholds for windows of about `size` rows; read from `cache` if they were computed before.

    Args:
        columns: Only their reference is looked at.
        size: Rows in a window. It is rounded down to two digits, so that windows of nearly the same size share
            a calibration; a smaller size gives slightly higher thresholds.
        rate: Chance of a false alarm in a window, over all columns together.
        seed: Same reference, size, rate and seed: same thresholds.
        cache: Folder for the results, one small JSON file each; None keeps nothing.
    """
    size = round_down(size)
    path = None if cache is None else cache / f"{_key(columns, size, rate, seed)}.json"
    if path is not None and (stored := _read(path)) is not None:
        return stored
    found = Calibration(
        thresholds=_thresholds(columns, size, rate, seed),
        reference_rows=len(columns[0].reference) if columns else 0,
        size=size,
        rate=rate,
        draws=DRAWS,
        seed=seed,
    )
    if path is not None:
        atomic_write(path, json.dumps(asdict(found), indent=1, sort_keys=True))
    return found


def round_down(size: int) -> int:
    """Return `size` with all digits but the first two set to zero."""
    unit: int = 10 ** max(0, len(str(size)) - 2)
    return max(1, size // unit * unit)


def statistic(column: Column, old: NDArray[np.float64], new: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Evidently's statistic of `column` between weighted samples of its reference.

    Args:
        column: The values; missing ones weigh nothing.
        old: (draws, n) how often each reference row is in the sample that plays the reference.
        new: (draws, n) the same for the sample that plays the window.

    Returns:
        (draws,): Wasserstein distance over the reference's standard deviation, or Jensen-Shannon distance.
        0 where a sample has no known value.
    """
    present = ~pd.isna(column.reference)
    values = known(column.reference)
    if len(values) == 0:
        return np.zeros(len(old))
    p, q = _shares(old[:, present]), _shares(new[:, present])
    if column.method == "wasserstein":
        order = np.argsort(values, kind="stable")
        gaps = np.diff(values[order].astype(np.float64))
        ahead = np.cumsum((p - q)[:, order], axis=1)[:, :-1]
        spread = max(float(np.std(values.astype(np.float64))), 0.001)  # Evidently's own floor
        return np.asarray(np.abs(ahead) @ gaps / spread)
    _, codes = np.unique(values.astype(str), return_inverse=True)
    kinds = np.eye(codes.max() + 1)[codes]
    return _jensen_shannon(p @ kinds, q @ kinds)


def _thresholds(columns: Sequence[Column], size: int, rate: float, seed: int) -> dict[str, float]:
    if not columns:
        return {}
    rows = len(columns[0].reference)
    rng = np.random.default_rng(seed)
    draws: list[NDArray[np.float64]] = []
    for _ in range(DRAWS // AT_ONCE):
        old, new = _samples(rng, rows, size)
        draws.append(np.stack([statistic(column, old, new) for column in columns], axis=1))
    null = np.concatenate(draws)
    # A column's own scale is its far tail: columns with heavier tails must not set the threshold for all others.
    scale = np.sort(null, axis=0)[-DRAWS // 100 :].mean(axis=0)
    moving = scale > 0
    worst = (null[:, moving] / scale[moving]).max(axis=1) if moving.any() else np.ones(1)
    level = float(np.quantile(worst, 1 - rate)) * SAFETY
    return {
        column.name: max(float(level * one), _floor(column, size, rate, len(columns)), 1e-6)
        for column, one in zip(columns, scale, strict=True)
    }


def _samples(rng: np.random.Generator, rows: int, size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how often each row is in the sample that plays the reference and in the one that plays the window.

    Where the reference is large enough it is split: some rows play the window, the others the reference, as
    exchangeable as they would be without drift. Otherwise both are drawn with replacement (the bootstrap).
    """
    if 2 * size <= rows:
        new = (rng.random((AT_ONCE, rows)).argsort(axis=1) < size).astype(np.float64)
        return 1.0 - new, new
    even = np.full(rows, 1.0 / rows)
    return (
        rng.multinomial(rows, even, size=AT_ONCE).astype(np.float64),
        rng.multinomial(size, even, size=AT_ONCE).astype(np.float64),
    )


def _floor(column: Column, size: int, rate: float, columns: int) -> float:
    """Return the distance that a few never seen values make: below it they may still be chance.

    If k values that the reference never shows were spread at random over reference and window, all k would be in
    the window with chance (m / (n + m))^k; k is the least number that makes this an alarm.
    """
    if column.method == "wasserstein":
        return 0.0
    rows = max(1, len(known(column.reference)))
    enough = int(np.ceil(np.log(rate / columns) / np.log(size / (rows + size))))
    share = min(1.0, enough / size)
    return float(_jensen_shannon(np.array([[1.0, 0.0]]), np.array([[1.0 - share, share]]))[0]) * 0.999


def _shares(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    total = counts.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(counts, total, out=np.zeros_like(counts), where=total > 0))


def _jensen_shannon(p: NDArray[np.float64], q: NDArray[np.float64]) -> NDArray[np.float64]:
    middle = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        left = np.where(p > 0, p * np.log(p / middle), 0.0).sum(axis=-1)
        right = np.where(q > 0, q * np.log(q / middle), 0.0).sum(axis=-1)
    divergence = (left + right) / 2
    return np.asarray(np.sqrt(np.where(divergence > 1e-12, divergence, 0.0)))  # equal shares differ by rounding only


def _key(columns: Sequence[Column], size: int, rate: float, seed: int) -> str:
    h = blake2b(digest_size=16)
    h.update(json.dumps([VERSION, size, rate, seed, DRAWS, SAFETY]).encode())
    for column in columns:
        h.update(f"\x1e{column.name}\x1f{column.method}\x1f{len(column.reference)}".encode())
        if column.reference.dtype == object:
            h.update("\x1f".join("\x00" if value is None else str(value) for value in column.reference).encode())
        else:
            h.update(np.ascontiguousarray(column.reference).tobytes())
    return h.hexdigest()


def _read(path: Path) -> Calibration | None:
    """Return a stored calibration; None if there is none that can be read: it is computed again."""
    try:
        return Calibration(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None
