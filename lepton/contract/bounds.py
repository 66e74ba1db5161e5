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


class Bounds:
    """Looks at rows that come some at a time; keeps which of them are out of bounds, and what is wrong with them."""

    def __init__(self) -> None:
        self._masks: list[NDArray[np.bool_]] = []
        self._found: dict[str, Failed] = {}

    def add(self, frame: pd.DataFrame, checks: Sequence[Check]) -> None:
        """Look at some rows.

        Args:
            frame: As `checks.rows_frame` made it.
            checks: Those of the contract.
        """
        out = np.zeros(len(frame), dtype=bool)
        for check in checks:
            if "mostly" not in check.arguments or not check.spares or not (mask := _broken(check, frame)).any():
                continue
            out |= mask
            at = np.flatnonzero(mask)[:SHOWN]
            values = tuple(frame[check.arguments["column"]].iloc[at])
            new = Failed(check, tuple(int(frame.index[k]) for k in at), values, int(mask.sum()), {})
            known = self._found.get(key := f"{check.expectation} {check.arguments}")
            self._found[key] = _together(known, new) if known else new
        self._masks.append(out)

    @property
    def out(self) -> NDArray[np.bool_]:
        """(n,) true at the rows that break a rule which lets some of them do so."""
        return np.concatenate(self._masks)

    @property
    def spared(self) -> list[Failed]:
        """The rules that such rows break, as if the check had failed."""
        return list(self._found.values())


def _together(a: Failed, b: Failed) -> Failed:
    return Failed(a.check, (*a.rows, *b.rows)[:SHOWN], (*a.values, *b.values)[:SHOWN], a.count + b.count, {})


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
