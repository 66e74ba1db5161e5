"""Covariate shift along one column: high or low numbers, or one of a few categories, come more often."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lepton.monitoring.answers import Judged
from lepton.monitoring.shifts.shift import Weights, tilted


def columns(before: Judged, strength: int, rng: np.random.Generator) -> Weights | None:
    """Tilt a column of the table; see `shift.Shift`. Rows without columns have none."""
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
