"""Labels, ids and categories as text: one spelling a value, whatever the delivery stored it as."""

import re
import unicodedata
import uuid
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lepton.core.errors import LeptonError
from lepton.core.spelling import BLANKS, TRUTH
from lepton.core.spelling import plain as plain_form

_WHOLE = re.compile(r"[+-]?\d+(\.0*)?")
_CODE = re.compile(r"[+-]?0\d+")


def as_text(values: Iterable[Any], name: str = "", as_id: bool = False) -> NDArray[np.object_]:
    """Return (n,) strings, None where a value is missing or empty.

    Whole numbers are written without a fraction ("1", never "1.0"), truth values as "true" and "false". Text is
    kept as it is, unless every value is a whole number and one is written with a fraction, as a column of integers
    with a gap is by many exports. Bytes are UTF-8; ids of 16 bytes that are none are UUIDs.

    Args:
        values: Of one column.
        name: Of the column, for the error.
        as_id: Whether they are ids.

    Raises:
        LeptonError: If bytes are no text; names the row.
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
        if any(isinstance(value, bytes) for value in present):
            present = _decoded(series, name, as_id)[known]
        texts = [_number(value) if isinstance(value, int | float | np.number) else str(value) for value in present]
        fractions = any("." in text for text in texts) and all(_WHOLE.fullmatch(text) for text in texts if text)
        if fractions and not any(_CODE.fullmatch(text) for text in texts):
            texts = [text and str(int(text.partition(".")[0])) for text in texts]
        found[known] = [text or None for text in texts]
    return found


def _decoded(column: pd.Series, name: str, as_id: bool) -> pd.Series:
    known = [value for value in column if isinstance(value, bytes)]
    try:
        return column.map(lambda value: value.decode("utf-8") if isinstance(value, bytes) else value)
    except UnicodeDecodeError:
        if as_id and all(len(value) == 16 for value in known):
            return column.map(lambda value: str(uuid.UUID(bytes=value)) if isinstance(value, bytes) else value)
    for row, value in enumerate(column, start=1):
        if isinstance(value, bytes):
            try:
                value.decode("utf-8")
            except UnicodeDecodeError as error:
                raise not_utf8(name, row, value, error.start) from None
    raise AssertionError("some value was no UTF-8")


def not_utf8(name: str, row: int, value: bytes, at: int) -> LeptonError:
    """Return the error for bytes that are no text."""
    return LeptonError(
        f"Column {name!r} holds bytes that are not UTF-8 in row {row}.",
        why=f"Byte 0x{value[at]:02X} at place {at + 1} of {len(value)}.",
        fix=["decode the column with its own encoding and write it as text (a string column)"],
    )


def spelled(values: Iterable[str | None], allowed: Collection[str] = (), strip: bool = False) -> NDArray[np.object_]:
    """Return (n,) values in one spelling: that of the contract, else the plain one.

    A value that is allowed as it stands is kept. Another one is the allowed one that it equals but for its spelling:
    blanks around it, the Unicode form of its letters, a fraction of zeros, capitals of true and false. Where nothing is
    allowed yet, letters come in Unicode's composed form, and truth values in small ones if the column has no others.

    Args:
        values: (n,) texts, None where a value is missing.
        allowed: What the contract lists; none if it lists nothing.
        strip: Leave out blanks around a value that is not listed.
    """
    texts = list(values)
    exact = set(allowed)
    plain: dict[str, str | None] = {}
    for one in allowed:
        form = plain_form(one)
        plain[form] = one if form not in plain else None  # two that differ in spelling only stay apart
    known = {text for text in texts if text is not None}
    truth = not exact and bool(known) and all(text.strip(BLANKS).lower() in TRUTH for text in known)
    forms: dict[str, str | None] = {}
    for text in known:
        form = unicodedata.normalize("NFC", text)
        form = form.strip(BLANKS) if strip else form
        if truth:
            form = form.strip(BLANKS).lower()
        if text in exact:
            form = text
        elif exact and (found := plain.get(plain_form(text))) is not None:
            form = found
        forms[text] = form or None
    result = np.empty(len(texts), dtype=object)
    result[:] = [None if text is None else forms[text] for text in texts]
    return result


def same_but_for_spelling(values: Iterable[str]) -> list[tuple[str, ...]]:
    """Return groups of values that differ in blanks or in small and capital letters only."""
    groups: dict[str, set[str]] = {}
    for value in values:
        groups.setdefault(" ".join(plain_form(value).split()).casefold(), set()).add(value)
    return [tuple(sorted(group)) for group in groups.values() if len(group) > 1]


def composed(names: Mapping[str, Any] | Iterable[str], known: Collection[str] = ()) -> dict[str, str]:
    """Return column name -> its name here: without blanks around it and in one Unicode form, unless it is known."""
    return {name: name if name in known else unicodedata.normalize("NFC", name.strip(BLANKS)) for name in names}


def _number(value: Any) -> str:
    if isinstance(value, float | np.floating):
        return str(int(value)) if float(value).is_integer() else repr(float(value))
    return str(value)
