"""Labels and ids as text: one spelling a class, whatever the delivery stored it as."""

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_WHOLE = re.compile(r"[+-]?\d+(\.0*)?")


def as_text(values: Iterable[Any]) -> NDArray[np.object_]:
    """Return (n,) strings, None where a value is missing or empty.

    Whole numbers are written without a fraction ("1", never "1.0"), truth values as "true" and "false". Text is
    kept as it is, unless every value is a whole number and one is written with a fraction, as a column of integers
    with a gap is by many exports.
    """
    series = pd.Series(values)
    found = np.full(len(series), None, dtype=object)
    known = series.notna().to_numpy()
    present = series[known]
    if pd.api.types.is_bool_dtype(present) or (len(present) and all(isinstance(v, bool | np.bool_) for v in present)):
        found[known] = ["true" if value else "false" for value in present]
    elif pd.api.types.is_numeric_dtype(present):
        found[known] = [_number(value) for value in present]
    else:
        texts = [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in present]
        if any("." in text for text in texts) and all(_WHOLE.fullmatch(text) for text in texts if text):
            texts = [text and str(int(text.partition(".")[0])) for text in texts]
        found[known] = [text or None for text in texts]
    return found


def _number(value: Any) -> str:
    if isinstance(value, float | np.floating):
        return str(int(value)) if float(value).is_integer() else repr(float(value))
    return str(value)
