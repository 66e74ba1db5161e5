"""Feature columns in one of three forms: float64 numbers, text with None for what is missing, or series."""

from collections.abc import Collection
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd

from lepton.core.errors import LeptonError
from lepton.core.table import series_column
from lepton.data.labels import as_text

MISSING = frozenset({"", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "None"})
"""Spellings of "no value" in a column of numbers. In a column of text only the empty field is: "NA" may be a name."""


def number(series: pd.Series) -> bool:
    """Return whether a feature column holds numbers."""
    return bool(pd.api.types.is_numeric_dtype(series.dtype))


def text_column(values: Any) -> pd.Series:
    """Return an object column of strings and None, whatever pandas would rather infer."""
    return pd.Series(np.array(values, dtype=object), dtype="object")


def from_text(series: pd.Series, as_category: bool = False) -> pd.Series:
    """Return a column read as text as numbers if every value that is not missing is one, else as categories."""
    texts = series.to_numpy(dtype=object)
    if not as_category:
        missing = np.array([text.strip() in MISSING for text in texts], dtype=bool)
        present = text_column(texts)
        present[missing] = None
        numbers = np.asarray(pd.to_numeric(present, errors="coerce"), dtype=np.float64)
        if not (np.isnan(numbers) & ~missing).any():
            return pd.Series(numbers)
    return text_column([text or None for text in texts])


def is_series(column: pd.Series) -> bool:
    """Return whether a column as pandas or pyarrow produced it holds a list or an array in each row that has one."""
    if column.dtype != object:
        return False
    known = (value for value in column if value is not None)
    lists = [isinstance(value, list | tuple | np.ndarray) for value in islice(known, 1)]
    return lists == [True] and all(isinstance(value, list | tuple | np.ndarray) for value in known)


def normalise(frame: pd.DataFrame, categories: Collection[str] = ()) -> pd.DataFrame:
    """Return typed columns as float64, text or series, with a RangeIndex.

    Args:
        frame: Columns of any type that pandas or pyarrow produced.
        categories: Columns that are categories even where they hold numbers.

    Raises:
        LeptonError: If a column holds neither numbers nor text, such as dates; or series of something else than
            numbers, or bytes that are not UTF-8 (names the row).
    """
    columns: dict[str, pd.Series] = {}
    for name in frame.columns:
        series = frame[name]
        if pd.api.types.is_bool_dtype(series.dtype) or (name in categories and number(series)):
            columns[str(name)] = text_column(as_text(series))
        elif number(series):
            columns[str(name)] = pd.Series(series.to_numpy(dtype=np.float64, na_value=np.nan))
        elif is_series(series):
            columns[str(name)] = _series(str(name), series)
        else:
            columns[str(name)] = _text(str(name), series)
    return pd.DataFrame(columns, index=pd.RangeIndex(len(frame)))


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
            raise LeptonError(
                f"Column {name!r} holds bytes that are not UTF-8 in row {place}.",
                why=f"Byte 0x{value[error.start]:02X} at place {error.start + 1} of {len(value)}.",
                fix=["decode the column with its own encoding and write it as text (a string column)"],
            ) from None
    return text_column([text or None for text in found])


def _text(name: str, series: pd.Series) -> pd.Series:
    kind = pd.api.types.infer_dtype(series, skipna=True)
    if kind == "bytes":
        return _decoded(name, series)
    if kind == "decimal":
        return series.astype(np.float64).reset_index(drop=True)
    if kind not in ("string", "empty", "boolean", "categorical", "mixed-integer", "integer", "floating"):
        raise LeptonError(
            f"Column {name!r} holds {kind} values.",
            why="lepton knows numbers, text, and lists of numbers.",
            fix=[f"turn {name!r} into numbers or text, or leave it out of the delivery"],
        )
    return text_column(as_text(series.astype(object)))
