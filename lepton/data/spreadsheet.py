"""Tables for people: what a spreadsheet would run as a formula gets an apostrophe before it.

A cell `=HYPERLINK(...)` or `@SUM(...)` is text to us and a program to whoever opens the file with a double click
(OWASP, "CSV Injection"). With an apostrophe it is shown as it was written.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

STARTS = ("=", "+", "-", "@", "\t", "\r")
"""How a formula begins, in one spreadsheet or another."""


def harmless(frame: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Return the table with its formulas marked, and how many there were, names of columns among them."""
    made, count = frame.copy(), 0
    for place, name in enumerate(frame.columns):
        column = frame.iloc[:, place]
        if column.dtype.kind in "biufM":
            continue
        runs = column.map(is_formula).to_numpy(dtype=bool)
        if runs.any():
            count += int(runs.sum())
            made[name] = column.astype(object).where(~runs, "'" + column.astype(str))
    named = [f"'{name}" if is_formula(name) else name for name in frame.columns]
    count += sum(old is not new for old, new in zip(frame.columns, named, strict=True))
    made.columns = pd.Index(named, dtype=object)
    return made, count


def original(cell: str) -> str:
    """Return a cell as it was before `harmless` marked it."""
    return cell[1:] if cell.startswith("'") and is_formula(cell[1:]) else cell


def is_formula(cell: Any) -> bool:
    """Return whether a spreadsheet would run a cell; a number with a sign is a number."""
    if not isinstance(cell, str) or not cell.startswith(STARTS):
        return False
    try:
        float(cell)
    except ValueError:
        return True
    return cell.startswith(("\t", "\r"))
