"""Dates and times in a delivery: recognised, and split into parts that a model can use.

A date itself is never a feature: each later delivery has values that no earlier one had, so as a category it breaks the
contract and as a number it drifts for ever, with nothing changed. What may repeat are its parts.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pandas as pd
from pandas.api.typing import NaTType

from lepton.core.errors import LeptonError
from lepton.core.kinds import DatePart, part_name
from lepton.core.spelling import BLANKS, MISSING

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
PARTS: dict[DatePart, Callable[[pd.Series], pd.Series]] = {
    "weekday": lambda at: pd.Series(
        [None if pd.isna(day) else WEEKDAYS[int(day)] for day in at.dt.weekday], dtype=object
    ),
    "hour": lambda at: at.dt.hour.astype(np.float64) + at.dt.minute / 60,
    "day": lambda at: at.dt.day.astype(np.float64),
    "month": lambda at: at.dt.month.astype(np.float64),
    "year": lambda at: at.dt.year.astype(np.float64),
    "days": lambda at: (at - pd.Timestamp(0)).dt.total_seconds() // 86400,
}
"""Part -> how it is read off a column of times without a zone. `weekday` is a category, the others are numbers; `hour`
has minutes as its fraction, `days` counts from 1970-01-01."""

_TIME = r"(?:[01]?\d|2[0-4]):[0-5]\d(?::[0-6]\d(?:[.,]\d+)?)?"
_CLOCK = re.compile(_TIME)
_ISO = re.compile(rf"(\d{{4}})[-/.](\d\d)[-/.](\d\d)(?:[ T]({_TIME}))?\s?(?:Z|UTC|[+-]\d\d:?(?:\d\d)?)?")
_DAY_FIRST = re.compile(rf"(\d\d?)([-/.])(\d\d?)\2(\d{{4}}|\d\d)(?:[ ,T]+{_TIME}(?: ?[AaPp][Mm])?)?")


def are_dates(texts: Iterable[str | None]) -> bool:
    """Return whether every text that is there is a date, a time, or both, in any usual form; false if none is there."""
    known = [text for text in texts if text]
    return bool(known) and all(_is_date(text.strip(BLANKS)) for text in known if text.strip(BLANKS) not in MISSING)


def _is_date(text: str) -> bool:
    if iso := _ISO.fullmatch(text):
        return 1 <= int(iso[2]) <= 12 and 1 <= int(iso[3]) <= 31
    if other := _DAY_FIRST.fullmatch(text):
        low, high = sorted((int(other[1]), int(other[3])))
        return 1 <= low <= 12 and high <= 31
    return _CLOCK.fullmatch(text) is not None


def holds_dates(column: pd.Series) -> bool:
    """Return whether a column as pandas, pyarrow or a CSV gave it holds dates or times."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return True
    if pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dtype):
        return False
    kind = pd.api.types.infer_dtype(column, skipna=True)
    return kind in ("datetime", "datetime64", "date", "time") or (kind == "string" and are_dates(column.dropna()))


def default_parts(column: pd.Series) -> tuple[DatePart, ...]:
    """Return the parts that are kept of a column of dates if nothing else is said: weekday, hour, or both."""
    clock = [not pd.isna(one) and (one.hour, one.minute, one.second) != (0, 0, 0) for one in times(column, "it")]
    days = column.dropna().map(lambda one: not (isinstance(one, str) and _CLOCK.fullmatch(one.strip(BLANKS)))).any()
    return (*(("weekday",) if days else ()), *(("hour",) if any(clock) or not days else ()))


def split(name: str, column: pd.Series, parts: Sequence[DatePart]) -> dict[str, pd.Series]:
    """Return the parts of a column of dates, each by the name of its own column.

    Raises:
        LeptonError: If a value is no date in year-month-day form; names the row.
    """
    at = times(column, name)
    return {part_name(name, part): PARTS[part](at).reset_index(drop=True) for part in parts}


def times(column: pd.Series, name: str) -> pd.Series:
    """Return a column as times of the clock that wrote them, without a zone; NaT where there is none.

    Raises:
        LeptonError: If a value is no date in year-month-day form; names the row.
    """
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return pd.Series(column.dt.tz_localize(None)).reset_index(drop=True)
    return pd.Series([_time(name, row, value) for row, value in enumerate(column, start=1)], dtype="datetime64[us]")


def _time(name: str, row: int, value: object) -> pd.Timestamp | NaTType:
    if value is None or value is pd.NaT or (isinstance(value, str) and value.strip(BLANKS) in MISSING):
        return pd.NaT
    text = str(value).strip(BLANKS)
    try:
        if iso := _ISO.fullmatch(text):
            return pd.Timestamp(f"{iso[1]}-{iso[2]}-{iso[3]} {(iso[4] or '00:00').replace(',', '.')}")
        if _CLOCK.fullmatch(text):
            return pd.Timestamp(f"1970-01-01 {text}")
    except ValueError:
        pass
    raise LeptonError(
        f"Column {name!r} holds {text!r} in row {row}, which is no date of the form 2026-11-29.",
        why="Which of two numbers is the day and which the month cannot be told for sure."
        if _DAY_FIRST.fullmatch(text)
        else "The contract says that the column holds dates.",
        fix=[
            "write dates as year-month-day",
            f"lepton init --from FILE --ignore {shlex.quote(name)}  (later: `ignore` in the contract)",
        ],
    )
