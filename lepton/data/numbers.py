"""Numbers exactly: text as Python reads it, and by name what a float64 cannot hold.

`pandas.to_numeric` is off by one unit in the last place for a third of the numbers that are written with 17 digits, so
the same table as CSV and as Parquet would be two.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton.core.errors import LeptonError
from lepton.core.spelling import BLANKS, MISSING, NUMBER

EXACT = 2.0**53
"""From here on a float64 does not hold every whole number."""

_NUMBER = re.compile(NUMBER)
_WHOLE = re.compile(r"[-+]?[0-9]+(\.0*)?")
_CODE = re.compile(r"0[0-9]+|[0-9]+[eE][0-9]+")


@dataclass(frozen=True)
class Parsed:
    """A column of text, read as numbers."""

    values: NDArray[np.float64]
    """(n,) NaN where there is no number."""
    missing: NDArray[np.bool_]
    """(n,) true where there is no value."""
    wrong: NDArray[np.bool_]
    """(n,) true where there is one that is no number."""


def parse(texts: Sequence[str | None], gaps: Collection[str] = ()) -> Parsed:
    """Return what (n,) texts are as numbers; None is no value, and so is a text in `gaps`."""
    plain = ["" if text is None else text.strip(BLANKS) for text in texts]
    none = MISSING | set(gaps)
    missing: NDArray[np.bool_] = np.array([text in none for text in plain], dtype=bool)
    known = plain if not missing.any() else [text for text in plain if text not in none]
    values, wrong = np.full(len(plain), np.nan), np.zeros(len(plain), dtype=bool)
    at = np.flatnonzero(~missing)
    try:
        if not _is_simple(known):
            raise ValueError
        values[at] = [float(text) for text in known]
    except ValueError:  # one by one
        right = [_NUMBER.fullmatch(text) is not None for text in known]
        values[at] = [float(text) if fits else np.nan for text, fits in zip(known, right, strict=True)]
        wrong[at] = [not fits for fits in right]
    return Parsed(values, missing, wrong)


def _is_simple(texts: Sequence[str]) -> bool:
    """Return whether Python's own `float` takes no text that is none of our numbers (`nan` in odd spellings, 1_000)."""
    joined = "\n".join(texts)
    return joined.isascii() and "_" not in joined and "nan" not in joined.lower() and "\n\n" not in joined


def looks_like_codes(texts: Iterable[str | None]) -> bool:
    """Return whether a text is written as only a code is: `01234`, `2E10`.

    What counts is the spelling: a program that writes a number writes neither a zero in front of whole digits nor an
    exponent without a point or a sign.
    """
    return any(
        text and (text[0] == "0" or "e" in text or "E" in text) and _CODE.fullmatch(text)
        for text in ((text or "").strip(BLANKS) for text in texts)
    )


def inexact_texts(texts: Sequence[str | None], values: NDArray[np.float64]) -> int | None:
    """Return the place of the first whole number in text that its float64 does not equal, if there is one."""
    with np.errstate(invalid="ignore"):
        large = np.flatnonzero(np.isfinite(values) & (np.abs(values) >= EXACT))
    for place in map(int, large):
        text = (texts[place] or "").strip(BLANKS)
        if _WHOLE.fullmatch(text) and int(text.partition(".")[0]) != int(values[place]):
            return place
    return None


def floats(values: Sequence[Any]) -> tuple[NDArray[np.float64], int | None]:
    """Return (n,) float64 of whole numbers, decimals and None, and the place of the first that differs, if one does.

    A decimal is held exactly if the shortest text of its float64 is the decimal.
    """
    found = np.array([np.nan if value is None else float(value) for value in values], dtype=np.float64)
    for place, value in enumerate(values):
        if isinstance(value, Decimal):
            if value.is_finite() and Decimal(repr(float(found[place]))) != value:
                return found, place
        elif isinstance(value, int) and abs(value) >= EXACT and int(found[place]) != value:
            return found, place
    return found, None


def whole(values: NDArray[np.integer[Any]]) -> tuple[NDArray[np.float64], int | None]:
    """Return (n,) float64 of an array of whole numbers, and the place of the first that differs, if one does."""
    found = values.astype(np.float64)
    if values.dtype.itemsize < 8:
        return found, None
    large = np.flatnonzero((values > 2**53) | (values < -(2**53))) if len(values) else np.empty(0, dtype=np.int64)
    return found, next((int(k) for k in large if int(values[k]) != int(found[k])), None)


def inexact_float32(values: NDArray[np.generic], found: NDArray[np.float32]) -> int | None:
    """Return the first place along the first axis where a whole number is not what its float32 is, if there is one."""
    if values.dtype.kind == "f" and values.dtype.itemsize <= 4:
        return None
    with np.errstate(invalid="ignore"):
        large = (np.abs(found) >= 2.0**24) & np.isfinite(found)
        if not large.any():
            return None
        odd = large & (found.astype(values.dtype if values.dtype.kind in "iu" else np.float64) != values)
        odd &= np.floor(values.astype(np.float64)) == values
    return int(np.argwhere(odd)[0][0]) if odd.any() else None


def check_exact(where: str, inexact: dict[str, tuple[int, Any]]) -> None:
    """Refuse columns that hold numbers which float64 would round.

    Args:
        where: Name of the delivery.
        inexact: Column -> the first row, counted from 1, and its value.

    Raises:
        LeptonError: If there is one; names the columns, row and value of the first.
    """
    if not inexact:
        return
    names = list(inexact)
    option = shlex.quote(names[0])
    row, value = inexact[names[0]]
    several = f"columns {', '.join(map(repr, names))} hold" if len(names) > 1 else f"column {names[0]!r} holds"
    whole_number = not isinstance(value, Decimal)
    raise LeptonError(
        f"{where}: {several} {'whole numbers beyond 2**53' if whole_number else 'decimals of too many digits'}"
        f" that would be rounded, such as {value} in row {row}.",
        why="Such a column is an identifier or a time, not a quantity."
        if whole_number
        else "Numbers are kept as float64, which has 15 to 17 digits.",
        fix=[
            f"lepton init --from FILE --ignore {option}  (leaves it out; later: `ignore` in the contract)",
            f"lepton init --from FILE --category {option}  (keeps it as text; later: `dtype: category`)",
            f"lepton init --from FILE --id {option}  (tells rows apart by it)",
        ],
    )
