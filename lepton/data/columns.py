"""Feature columns in one of three forms: float64 numbers, text with None for what is missing, or series."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd

from lepton.core.errors import LeptonError
from lepton.core.spelling import MISSING as MISSING
from lepton.core.table import series_column
from lepton.data.labels import as_text, not_utf8, spelled
from lepton.data.numbers import check_exact, floats, inexact_texts, looks_like_codes, parse, whole

RESERVED = "lepton: "
"""How names of columns begin that are lepton's own, so that none of a delivery's can be one of them."""


def number(series: pd.Series) -> bool:
    """Return whether a feature column holds numbers."""
    return bool(pd.api.types.is_numeric_dtype(series.dtype))


def text_column(values: Any) -> pd.Series:
    """Return an object column of strings and None, whatever pandas would rather infer."""
    return pd.Series(np.array(values, dtype=object), dtype="object")


def from_text(
    texts: Sequence[str | None], declared: str | None = None, gaps: Collection[str] = ()
) -> tuple[pd.Series, tuple[int, Any] | None]:
    """Return a column that came as text, typed, and the first number that float64 would round.

    Args:
        texts: (n,) as they stand in the file; None or empty: no value.
        declared: "number", "category" or "text"; by default numbers if every value that is there is one and none is
            written as a code is (`01234`).
        gaps: Further spellings of no value in a column of numbers.

    Returns:
        float64, or text where the column is none of numbers, also where numbers were declared: the contract then names
        the rows; and (row counted from 1, text) or None.
    """
    if declared in (None, "number") and not (declared is None and looks_like_codes(texts)):
        parsed = parse(texts, gaps)
        if not parsed.wrong.any():
            place = inexact_texts(texts, parsed.values)
            return pd.Series(parsed.values), None if place is None else (place + 1, str(texts[place]).strip())
    return text_column([text or None for text in texts]), None


def is_series(column: pd.Series) -> bool:
    """Return whether a column as pandas or pyarrow produced it holds a list or an array in each row that has one."""
    if column.dtype != object:
        return False
    known = (value for value in column if value is not None)
    lists = [isinstance(value, list | tuple | np.ndarray) for value in islice(known, 1)]
    return lists == [True] and all(isinstance(value, list | tuple | np.ndarray) for value in known)


def normalise(
    frame: pd.DataFrame,
    categories: Collection[str] = (),
    numbers: Collection[str] = (),
    values: Mapping[str, Collection[str]] | None = None,
    texts: Collection[str] = (),
    gaps: Collection[str] = (),
    where: str = "The delivery",
) -> pd.DataFrame:
    """Return typed columns as float64, text or series, with a RangeIndex.

    Args:
        frame: Columns of any type that pandas or pyarrow produced.
        categories: Columns that are categories even where they hold numbers.
        numbers: Columns that are numbers even where they come as text.
        values: Column -> the categories that its contract lists.
        texts: Columns of texts, whose letters stay as they are.
        gaps: Further spellings of no value in a column of numbers.
        where: Name of the delivery, for the error.

    Raises:
        LeptonError: If a column holds neither numbers nor text, such as dates; or series of something else than
            numbers, bytes that are not UTF-8 (names the row), or numbers that float64 would round.
    """
    columns: dict[str, pd.Series] = {}
    inexact: dict[str, tuple[int, Any]] = {}
    for raw in frame.columns:
        name, series = str(raw), frame[raw]
        rounded: tuple[int, Any] | None = None
        if pd.api.types.is_bool_dtype(series.dtype) or (name in categories and number(series)):
            column = text_column(as_text(series))
        elif number(series):
            column, rounded = _numbers(series)
        elif is_series(series):
            column = _series(name, series)
        else:
            column, rounded = _other(name, series, name in categories or name in texts, name in numbers, gaps)
        if column.dtype == object and name not in texts and not is_series(column):
            column = text_column(spelled(column, (values or {}).get(name, ())))
        columns[name] = column
        if rounded is not None:
            inexact[name] = rounded
    check_exact(where, inexact)
    return pd.DataFrame(columns, index=pd.RangeIndex(len(frame)))


def _numbers(series: pd.Series) -> tuple[pd.Series, tuple[int, Any] | None]:
    if isinstance(series.dtype, np.dtype) and series.dtype.kind in "iu":
        found, place = whole(series.to_numpy())
    elif pd.api.types.is_integer_dtype(series.dtype):  # pandas' own, with gaps
        found, place = floats([None if pd.isna(value) else int(value) for value in series])
    else:
        return pd.Series(series.to_numpy(dtype=np.float64, na_value=np.nan)), None
    return pd.Series(found), None if place is None else (place + 1, int(series.iloc[place]))


def _series(name: str, column: pd.Series) -> pd.Series:
    found: list[np.ndarray[Any, Any] | None] = []
    for place, value in enumerate(column, start=1):
        one: np.ndarray[Any, Any] | None = None
        try:
            one = None if value is None else np.asarray(value, dtype=np.float32)
            flat = one is None or one.ndim == 1
        except (TypeError, ValueError):
            flat = False
        if not flat:
            raise LeptonError(
                f"Column {name!r} holds something else than a list of numbers in row {place}.",
                why="A series is one list of numbers a row: one measured quantity over time.",
                fix=["deliver each quantity in a column of its own"],
            )
        found.append(one)
    return series_column(found)


def _decoded(name: str, column: pd.Series) -> pd.Series:
    """Return bytes as text."""
    found: list[str | None] = []
    for place, value in enumerate(column, start=1):
        try:
            found.append(value if value is None or isinstance(value, str) else bytes(value).decode("utf-8"))
        except UnicodeDecodeError as error:
            raise not_utf8(name, place, value, error.start) from None
    return text_column([text or None for text in found])


def _other(
    name: str, series: pd.Series, as_category: bool, as_number: bool, gaps: Collection[str]
) -> tuple[pd.Series, tuple[int, Any] | None]:
    """Return a column of objects as text, or as numbers where they are whole numbers with gaps or decimals."""
    kind = pd.api.types.infer_dtype(series, skipna=True)
    if kind == "bytes":
        return _decoded(name, series), None
    if kind in ("decimal", "integer", "floating") and not as_category:
        values = [None if pd.isna(value) else value for value in series]
        found, place = floats(values)
        return pd.Series(found), None if place is None else (place + 1, values[place])
    if kind == "decimal":
        return text_column([None if pd.isna(value) else str(value) for value in series]), None
    if kind not in ("string", "empty", "boolean", "categorical", "mixed-integer", "integer", "floating"):
        raise LeptonError(
            f"Column {name!r} holds {kind} values.",
            why="lepton knows numbers, text, and lists of numbers.",
            fix=[f"turn {name!r} into numbers or text, or leave it out of the delivery"],
        )
    texts = as_text(series.astype(object), name)
    if as_number and kind in ("string", "empty"):
        return from_text(list(texts), "number", gaps)
    return text_column(texts), None
