"""Feature columns in one of two forms: float64 numbers, or text with None for what is missing."""

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd

from lepton.core.errors import LeptonError
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


def normalise(frame: pd.DataFrame, categories: Collection[str] = ()) -> pd.DataFrame:
    """Return typed columns as float64 or text, with a RangeIndex.

    Args:
        frame: Columns of any type that pandas or pyarrow produced.
        categories: Columns that are categories even where they hold numbers.

    Raises:
        LeptonError: If a column holds neither numbers nor text, such as dates or lists.
    """
    columns: dict[str, pd.Series] = {}
    for name in frame.columns:
        series = frame[name]
        if pd.api.types.is_bool_dtype(series.dtype) or (name in categories and number(series)):
            columns[str(name)] = text_column(as_text(series))
        elif number(series):
            columns[str(name)] = pd.Series(series.to_numpy(dtype=np.float64, na_value=np.nan))
        else:
            columns[str(name)] = _text(str(name), series)
    return pd.DataFrame(columns, index=pd.RangeIndex(len(frame)))


def _text(name: str, series: pd.Series) -> pd.Series:
    kind = pd.api.types.infer_dtype(series, skipna=True)
    if kind == "decimal":
        return series.astype(np.float64).reset_index(drop=True)
    if kind not in ("string", "empty", "boolean", "categorical", "mixed-integer", "integer", "floating"):
        raise LeptonError(
            f"Column {name!r} holds {kind} values.",
            why="lepton knows numbers and categories (text) only.",
            fix=[f"turn {name!r} into numbers or text, or leave it out of the delivery"],
        )
    return text_column(as_text(series.astype(object)))
