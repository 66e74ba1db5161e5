"""Checks of texts and series: how long they are, and what a series holds.

A row of them is no single value, so the frame that is validated shows what can be checked: a series by its number of
steps, a text as it is, and beside them helper columns with the length of a text and the extremes of a series.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pandas as pd

from lepton.contract.check import Check, missing_check, quoted
from lepton.contract.spec import ColumnRule
from lepton.core.table import Table
from lepton.data.columns import RESERVED

HELPERS = ("characters", "smallest", "largest")


def helper_name(column: str, part: str) -> str:
    """Return the name of a helper column, which no column of a delivery can bear."""
    return f"{RESERVED}{column} ({part})"


def columns_of(table: Table, name: str) -> dict[str, Any]:
    """Return what stands for a column of a table in the frame that is validated."""
    assert table.frame is not None
    values = table.frame[name].to_numpy()
    if name in table.texts:
        lengths = [np.nan if text is None else float(len(text)) for text in values]
        return {name: values, helper_name(name, "characters"): np.array(lengths)}
    if name in table.series:
        steps = np.array([np.nan if one is None else float(len(one)) for one in values])
        low, high = (np.array([_extreme(one, pick) for one in values]) for pick in (np.min, np.max))
        return {name: steps, helper_name(name, "smallest"): low, helper_name(name, "largest"): high}
    return {name: values}


def _extreme(one: Any, pick: Any) -> float:
    """Return the smallest or largest known value, also an infinite one; NaN if there is none."""
    known = one[~np.isnan(one)] if one is not None else np.empty(0)
    return float(pick(known)) if len(known) else np.nan


def long_checks(rule: ColumnRule, frame: pd.DataFrame) -> list[Check]:
    """Return the checks of a column of texts or series, by a frame that `columns_of` made."""
    name, is_text = rule.name, rule.dtype == "text"
    measured = helper_name(name, "characters") if is_text else name
    if helper_name(name, HELPERS[0 if is_text else 1]) not in frame.columns:
        what = "texts" if is_text else "series"
        return [
            Check(
                "ExpectColumnValuesToBeNull",
                {"column": name},
                name,
                lambda values, _: f"single values, such as {quoted(values[:1])}, where the contract has {what}",
            ),
            missing_check(name, rule.missing),
        ]
    checks = [missing_check(name, rule.missing)] if rule.missing < 1 else []
    unit = "characters" if is_text else "steps"
    if rule.length is not None:
        low, high = rule.length
        checks.append(
            Check(
                "ExpectColumnValuesToBeBetween",
                {"column": measured, "min_value": low, "max_value": high},
                name,
                lambda values, _: f"of {quoted(values)} {unit}; the contract asks for {low:,} to {high:,}",
                spares=True,
            )
        )
    if not is_text:
        least = -sys.float_info.max if rule.min is None else rule.min
        most = sys.float_info.max if rule.max is None else rule.max
        for helper, bound in (("smallest", {"min_value": least}), ("largest", {"max_value": most})):
            checks.append(
                Check(
                    "ExpectColumnValuesToBeBetween",
                    {"column": helper_name(name, helper), **bound},
                    name,
                    lambda values, _: f"steps outside of {_bound(rule.min)} to {_bound(rule.max)}: {quoted(values)}",
                    spares=True,
                )
            )
    return checks


def _bound(value: float | None) -> str:
    return "any" if value is None else f"{value:g}"
