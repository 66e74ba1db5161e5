"""What moved in a column, in values that a person knows: a mean, or a share of the rows, before and now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
import pandas as pd

from lepton.monitoring.aspects import Column, Values

FEW = 5
"""A category that fewer rows of the reference hold is not named: it may be a person's own words."""
OTHERS, NONE = "others", "no value"


def means_of(column: Column) -> tuple[float, float] | None:
    """Return the mean of a column of numbers before and now; None where one of them has none."""
    if column.kind != "number":
        return None
    found = [np.asarray(values, dtype=np.float64) for values in (column.reference, column.current)]
    means = [float(values[np.isfinite(values)].mean()) if np.isfinite(values).any() else np.nan for values in found]
    return (means[0], means[1]) if np.isfinite(means).all() else None


def share_of(column: Column) -> tuple[str, float, float] | None:
    """Return the category of a column whose share moved most, with its share before and now; None for numbers."""
    if column.kind == "number" or not len(column.reference) or not len(column.current):
        return None
    before, now = _counted(column.reference), _counted(column.current)
    named = {level for level, rows in before.items() if rows >= FEW}
    return moved_most(_shares(before, named), _shares(now, named))


def moved_most(before: Mapping[str, float], now: Mapping[str, float]) -> tuple[str, float, float] | None:
    """Return what changed its share most, with its share before and now; None where there is nothing.

    Of two that changed as much, what came is named rather than what went.
    """
    moved = {name: now.get(name, 0.0) - before.get(name, 0.0) for name in sorted(before.keys() | now.keys())}
    if not moved:
        return None
    first = min(moved, key=lambda name: (-round(abs(moved[name]), 9), -moved[name]))
    return first, before.get(first, 0.0), now.get(first, 0.0)


def _counted(values: Values) -> Counter[str]:
    return Counter(NONE if missing else str(value) for value, missing in zip(values, pd.isna(values), strict=True))


def _shares(rows: Counter[str], named: set[str]) -> dict[str, float]:
    told: Counter[str] = Counter()
    for level, count in rows.items():
        told[level if level in named or level == NONE else OTHERS] += count
    return {level: count / rows.total() for level, count in told.items()}
