"""Rows that are out of bounds: which they are and what is wrong with them, where the others are stored without them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lepton.contract.checks import Check
from lepton.contract.gx import Failed

SHOWN = 20
"""Rows and values of a broken rule that are taken along to be named."""


def out_of_bounds(frame: pd.DataFrame, checks: Sequence[Check]) -> NDArray[np.bool_]:
    """Return (n,) true at the rows that break a rule which lets some of them do so.

    Args:
        frame: As `checks.rows_frame` made it.
        checks: Those of the contract.
    """
    masks = [_broken(check, frame) for check in checks if "mostly" in check.arguments and check.spares]
    return np.asarray(np.logical_or.reduce(masks)) if masks else np.zeros(len(frame), dtype=bool)


def spared_by(frame: pd.DataFrame, checks: Sequence[Check]) -> list[Failed]:
    """Return the rules that such rows break, as if the check had failed."""
    found = []
    for check in checks:
        if "mostly" not in check.arguments or not check.spares or not (mask := _broken(check, frame)).any():
            continue
        at = np.flatnonzero(mask)[:SHOWN]
        values = tuple(frame[check.arguments["column"]].iloc[at])
        found.append(Failed(check, tuple(int(frame.index[k]) for k in at), values, int(mask.sum()), {}))
    return found


def _broken(check: Check, frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Return (n,) true where a row breaks a rule; what is missing breaks none, as in Great Expectations."""
    wanted, column = check.arguments, frame[check.arguments["column"]]
    there = column.notna().to_numpy(dtype=bool)
    if check.expectation == "ExpectColumnValuesToBeInSet":
        return np.asarray(there & ~column.isin(wanted["value_set"]).to_numpy(dtype=bool))
    if check.expectation != "ExpectColumnValuesToBeBetween":
        raise ValueError(f"{check.expectation} has no bounds that a row could be out of")
    values = pd.to_numeric(column).to_numpy(dtype=np.float64, na_value=np.nan)
    low, high = wanted.get("min_value", -np.inf), wanted.get("max_value", np.inf)
    return np.asarray(there & ((values < low) | (values > high)))
