"""Simulated degradations of sequences: what a sensor, a clock or a lossy line does to series.

Each takes rows and gives as many rows of the same series; values move in units of the quantity's own standard deviation
over all rows. After the perturbations of Um et al. 2017 ("Data augmentation of wearable sensor data ...": jitter,
scaling, time warping, cropping) and the faults that Ni et al. 2009 ("Sensor network data fault types") list: offset,
gain, noise, stuck, spikes, gaps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lepton.core.errors import UsageError
from lepton.core.table import Table, series_column
from lepton.data.corruptions.degradation import check_asked

Series = NDArray[np.float32]
Corruption = Callable[[Series, float, int, np.random.Generator], Series]
"""(one series (T,), spread of its quantity, level 0 to 2, random source) -> a series of any length."""


def able(rows: Table) -> list[str]:
    """Return the names of what can be simulated on these rows."""
    return list(SEQUENCE_CORRUPTIONS)


def degrade(rows: Table, name: str, strength: int = 2, seed: int = 0) -> Table:
    """Return a degraded copy of sequences.

    Args:
        rows: Of kind `sequence`; left untouched.
        name: One of `SEQUENCE_CORRUPTIONS`.
        strength: 1 (visible), 2 (bad) or 3 (hardly usable).
        seed: Same seed, same result.

    Raises:
        UsageError: If there is no such corruption or strength, or the rows are no sequences.
    """
    check_asked(name, strength, SEQUENCE_CORRUPTIONS)
    if rows.frame is None or not rows.series:
        raise UsageError(f"Corruptions of sequences take sequences, not rows of kind {rows.kind!r}.")
    change, columns = SEQUENCE_CORRUPTIONS[name], {}
    for column in rows.series:
        known = [one[np.isfinite(one)] for one in rows.frame[column] if one is not None]
        spread = float(np.concatenate(known).std()) if sum(map(len, known)) else 0.0
        rng = np.random.default_rng([seed, 0 if name in TOGETHER else rows.series.index(column)])
        columns[column] = series_column(
            one if one is None or not len(one) else change(one, spread, strength - 1, rng) for one in rows.frame[column]
        )
    return replace(rows, frame=pd.DataFrame(columns, index=rows.frame.index))


def offset(one: Series, spread: float, level: int, rng: np.random.Generator) -> Series:
    """A sensor that lost its zero."""
    return one + np.float32((0.5, 1.0, 2.0)[level] * spread * rng.choice((-1, 1)))


def gain(one: Series, spread: float, level: int, rng: np.random.Generator) -> Series:
    """A wrong unit or amplifier."""
    return one * np.float32((1.3, 2.0, 4.0)[level])


def noise(one: Series, spread: float, level: int, rng: np.random.Generator) -> Series:
    """A loose contact."""
    return (one + rng.normal(0, (0.3, 0.8, 2.0)[level] * spread, len(one))).astype(np.float32)


def drifting(one: Series, spread: float, level: int, rng: np.random.Generator) -> Series:
    """A sensor that warms up: a slope over the sequence."""
    return (one + np.linspace(0, (0.7, 1.5, 4.0)[level] * spread, len(one))).astype(np.float32)


def spikes(one: Series, spread: float, level: int, rng: np.random.Generator) -> Series:
    """Single steps far off."""
    hit = rng.random(len(one)) < (0.05, 0.15, 0.4)[level]
    return np.where(hit, one + 4 * spread * rng.choice((-1, 1), len(one)), one).astype(np.float32)


def gaps(one: Series, spread: float, level: int, rng: np.random.Generator) -> Series:
    """Lost packets: steps without a value."""
    return np.where(rng.random(len(one)) < (0.15, 0.4, 0.8)[level], np.nan, one).astype(np.float32)


def stuck(one: Series, spread: float, level: int, rng: np.random.Generator) -> Series:
    """A value that repeats for a part of the sequence."""
    after = one.copy()
    start = int(len(one) * (1 - (0.3, 0.6, 0.9)[level]))
    after[start:] = after[start]
    return after


def cut(one: Series, spread: float, level: int, rng: np.random.Generator) -> Series:
    """A recording that ends too early."""
    return one[: max(1, round(len(one) * (0.8, 0.5, 0.2)[level]))]


def slower(one: Series, spread: float, level: int, rng: np.random.Generator) -> Series:
    """A clock that runs at another rate: the same course with more steps."""
    steps = round(len(one) * (1.15, 1.4, 2.0)[level])
    return np.interp(np.linspace(0, len(one) - 1, steps), np.arange(len(one)), one).astype(np.float32)


def delayed(one: Series, spread: float, level: int, rng: np.random.Generator) -> Series:
    """A trigger that comes too late: the first steps are lost, the last one is held."""
    lost = round((len(one) - 1) * (0.1, 0.3, 0.6)[level])
    return np.concatenate([one[lost:], np.full(lost, one[-1], dtype=np.float32)])


TOGETHER = ("offset",)
"""Corruptions whose random choice is the same for all quantities."""
SEQUENCE_CORRUPTIONS: dict[str, Corruption] = {
    f.__name__: f for f in (offset, gain, noise, drifting, spikes, gaps, stuck, cut, slower, delayed)
}
"""Name -> function."""
