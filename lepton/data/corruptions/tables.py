"""Simulated degradations of tables: what a sensor, a unit or a broken join does to their columns.

Each takes rows and gives as many rows of the same columns. Numbers move in units of the column's own standard
deviation, so that a strength means the same for every column. The kinds follow the errors that JENGA injects (Schelter
et al. 2021, "JENGA: A Framework to Study the Impact of Data Errors on the Predictions of Machine Learning Models").
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from lepton.core.errors import UsageError
from lepton.core.table import Table
from lepton.data.corruptions.degradation import check_asked

Corruption = Callable[[Table, int, np.random.Generator], Table]


def able(rows: Table) -> list[str]:
    """Return the names of what can be simulated on these rows."""
    return list(TABLE_CORRUPTIONS)


def degrade(rows: Table, name: str, strength: int = 2, seed: int = 0) -> Table:
    """Return a degraded copy of the rows of a table.

    Args:
        rows: Of kind `tabular`; left untouched.
        name: One of `TABLE_CORRUPTIONS`.
        strength: 1 (visible), 2 (bad) or 3 (hardly usable).
        seed: Same seed, same result.

    Raises:
        UsageError: If there is no such corruption or strength, or the rows are no table.
    """
    check_asked(name, strength, TABLE_CORRUPTIONS)
    if rows.frame is None:
        raise UsageError(f"Corruptions of tables take rows of columns, not of kind {rows.kind!r}.")
    return TABLE_CORRUPTIONS[name](rows, strength - 1, np.random.default_rng(seed))


def offset(rows: Table, level: int, rng: np.random.Generator) -> Table:
    """A sensor that lost its zero: half of the columns of numbers move up or down."""
    changed, numbers = _copy(rows)
    for name in _some(numbers, 0.5, rng):
        changed[name] += rng.choice((-1, 1)) * (0.5, 1.0, 2.0)[level] * _spread(changed[name])
    return _with(rows, changed)


def gain(rows: Table, level: int, rng: np.random.Generator) -> Table:
    """A wrong unit or amplifier: half of the columns of numbers are multiplied."""
    changed, numbers = _copy(rows)
    for name in _some(numbers, 0.5, rng):
        changed[name] *= (1.3, 2.0, 4.0)[level] ** rng.choice((-1, 1))
    return _with(rows, changed)


def noise(rows: Table, level: int, rng: np.random.Generator) -> Table:
    """A loose contact: noise on every column of numbers."""
    changed, numbers = _copy(rows)
    for name in numbers:
        changed[name] += rng.normal(0, (0.3, 0.8, 2.0)[level] * _spread(changed[name]), len(changed))
    return _with(rows, changed)


def missing(rows: Table, level: int, rng: np.random.Generator) -> Table:
    """Lost packets: cells of every column are missing."""
    changed, _ = _copy(rows)
    return _with(rows, changed.mask(rng.random(changed.shape) < (0.15, 0.4, 0.8)[level]))


def stuck(rows: Table, level: int, rng: np.random.Generator) -> Table:
    """Dead sensors: some columns show one of their values for ever."""
    changed, _ = _copy(rows)
    for name in _some(list(changed.columns), (0.2, 0.4, 0.7)[level], rng):
        changed[name] = changed[name].iloc[int(rng.integers(len(changed)))]
    return _with(rows, changed.astype(_copy(rows)[0].dtypes))


def mismatched(rows: Table, level: int, rng: np.random.Generator) -> Table:
    """A join on the wrong key: some columns belong to other rows, while each for itself looks as before."""
    changed, _ = _copy(rows)
    for name in _some(list(changed.columns), (0.2, 0.4, 0.7)[level], rng):
        changed[name] = changed[name].to_numpy()[rng.permutation(len(changed))]
    return _with(rows, changed)


def swapped(rows: Table, level: int, rng: np.random.Generator) -> Table:
    """Columns of numbers in another order: pairs change places, each on the other's scale."""
    changed, numbers = _copy(rows)
    before, order = changed.copy(), list(rng.permutation(numbers))
    for one, other in list(zip(order[::2], order[1::2], strict=False))[: (1, 2, 4)[level]]:
        changed[one], changed[other] = _scaled(before[other], before[one]), _scaled(before[one], before[other])
    return _with(rows, changed)


def other_rows(rows: Table, level: int, rng: np.random.Generator) -> Table:
    """Another population: rows that lie far in one direction of the numbers come more often (covariate shift)."""
    changed, numbers = _copy(rows)
    if not numbers or not len(rows):
        return rows
    values = changed[numbers].fillna(changed[numbers].mean()).fillna(0.0)
    scaled = (values - values.mean()) / values.std(ddof=0).clip(lower=1e-9)
    along = scaled.to_numpy() @ rng.normal(size=len(numbers)) / np.sqrt(len(numbers))
    weights = np.exp((0.7, 1.5, 3.0)[level] * (along - along.max()))
    return rows.take(rng.choice(len(rows), len(rows), p=weights / weights.sum()))


def _copy(rows: Table) -> tuple[pd.DataFrame, list[str]]:
    """Return the columns with whole numbers as floats, and the names of those of numbers."""
    assert rows.frame is not None
    numeric = [
        str(name)
        for name in rows.frame.columns
        if pd.api.types.is_numeric_dtype(rows.frame[name]) and not pd.api.types.is_bool_dtype(rows.frame[name])
    ]
    return rows.frame.astype(dict.fromkeys(numeric, "float64")), numeric


def _with(rows: Table, frame: pd.DataFrame) -> Table:
    return Table("tabular", rows.ids, rows.labels, frame=frame)


def _some(names: list[str], share: float, rng: np.random.Generator) -> list[str]:
    return [names[k] for k in rng.permutation(len(names))[: max(1, round(share * len(names)))]]


def _spread(values: pd.Series) -> float:
    found = float(values.std(ddof=0))
    return found if np.isfinite(found) else 0.0


def _scaled(values: pd.Series, like: pd.Series) -> pd.Series:
    """Return values with the mean and the spread of another column."""
    return (values - values.mean()) / max(_spread(values), 1e-9) * _spread(like) + like.mean()


TABLE_CORRUPTIONS: dict[str, Corruption] = {
    function.__name__: function for function in (offset, gain, noise, missing, stuck, mismatched, swapped, other_rows)
}
"""Name -> function."""
