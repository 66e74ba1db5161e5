"""What the columns of a first delivery look like, a line each, and what is unsure about them.

Nothing here decides for good: the guess of `init` stands in the contract, where a person changes it, and each doubt
comes with the option that settles it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from lepton.core.table import Table
from lepton.data.columns import number
from lepton.data.labels import same_but_for_spelling
from lepton.data.numbers import Parsed, looks_like_codes, parse

NEARLY = 0.9
"""Share of the values that are numbers from which the others are named, and of those that are different from which a
text is no category."""
FEWEST = 30
"""Values from which the share of different ones says something."""
UNIQUE = "nearly every row has a value of its own, so it is left out"
SHOWN = 3
"""Examples of a column."""

_THOUSANDS = re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?")
_SIGNED = re.compile(r"[-+]?[$€£¥]\s?[-+]?\d[\d.,]*|[-+]?\d[\d.,]*\s?[%$€£¥]")
_NO_LABEL = ("none", "null", "nan", "na", "n/a", "nil", "-", "?")
_DECIMAL_COMMA = re.compile(r"[-+]?(\d{1,3}(\.\d{3})+|\d+),\d+")


@dataclass(frozen=True)
class Look:
    """One column, in a line."""

    name: str
    what: str
    """number, category, text, series, date, left out, label or id."""
    seen: str
    """Its range, or how many different values it has."""
    missing: float
    """Share of rows without a value."""
    examples: tuple[str, ...]
    doubt: str = ""
    """What is unsure, and the options that settle it."""
    keep: bool = True
    """Whether it is a feature unless somebody says so; text in which nearly every row differs is none."""

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return asdict(self)


def look_at(table: Table, said: Collection[str] = (), gaps: Collection[str] = ()) -> list[Look]:
    """Return a look at each column of a table.

    Args:
        table: A first delivery.
        said: Columns of which somebody said what they are: nothing about them is unsure.
        gaps: Further spellings of no value.
    """
    if table.frame is None:
        return []
    return [_look(table, str(name), str(name) in said, gaps) for name in table.frame.columns]


def doubts_about_labels(classes: Sequence[str]) -> str:
    """Return which classes differ in their spelling only, and which look like the absence of one; empty if none do."""
    groups = [f"{_quoted(group)} differ in blanks or capitals only" for group in same_but_for_spelling(classes)]
    gaps = [repr(name) for name in classes if name.strip().lower() in _NO_LABEL]
    absent = [f"{' and '.join(gaps)} may stand for no label: then leave the cell empty"] if gaps else []
    return "; ".join(groups + absent)


def _look(table: Table, name: str, said: bool, gaps: Collection[str]) -> Look:
    assert table.frame is not None
    column, what = table.frame[name], table.column_type(name)
    known = column.dropna()
    missing = float(1 - len(known) / max(1, len(column)))
    if what == "series":
        steps = [len(one) for one in known] or [0]
        return Look(name, what, f"{min(steps):,} to {max(steps):,} steps", missing, ())
    if number(column):
        finite = known[np.isfinite(known)]
        seen = f"{finite.min():g} to {finite.max():g}" if len(finite) else "no value"
        doubt = _of_numbers(name, known, said)
        return Look(name, what, seen, missing, tuple(f"{one:g}" for one in known.unique()[:SHOWN]), doubt)
    different = list(dict.fromkeys(str(one) for one in known))
    seen = f"{len(different):,} value{'s' * (len(different) != 1)}"
    examples = tuple(_short(one) for one in different[:SHOWN])
    if said or what == "text":
        return Look(name, what, seen, missing, examples)
    parsed = parse([None if value is None else str(value) for value in column], gaps)
    doubt = _of_texts(name, column, different, parsed)
    keep = len(known) < FEWEST or len(different) < NEARLY * len(known)
    if not keep:
        option = _shell(name)
        doubt = (
            f"{doubt}; as it is, it is left out"
            if doubt
            else (
                f"{UNIQUE}; --id {option} if it names the rows, --text {option} if it is to be read,"
                f" --category {option} to keep it"
            )
        )
    return Look(name, what if keep else "left out", seen, missing, examples, doubt, keep)


def _of_numbers(name: str, known: pd.Series, said: bool) -> str:
    """Return the doubt about numbers: infinite ones, none at all, or such as count the rows."""
    if infinite := int(np.isinf(known.to_numpy(dtype=np.float64)).sum()):
        return f"{infinite:,} values are infinite, which no delivery may hold: --no-value inf reads them as gaps"
    if not said and not len(known):
        return f"no row has a value: --ignore {_shell(name)} if later ones have none either"
    if not said and len(known) >= FEWEST and (np.diff(known.to_numpy()) == 1).all():
        return "whole numbers that count the rows: --id or --ignore if they are no quantity"
    return ""


def _of_texts(name: str, column: pd.Series, different: list[str], parsed: Parsed) -> str:
    right = ~parsed.wrong & ~parsed.missing
    numbers, values = int(right.sum()), int((~parsed.missing).sum())
    commas = [text for text in different if "," in text]
    if values and numbers == values:
        if looks_like_codes(different):
            return f"zeros in front or exponents, so they are codes; --number {_shell(name)} if they are amounts"
        return f"text that is numbers; --number {_shell(name)} if they are amounts"
    if commas and all(_THOUSANDS.fullmatch(text) for text in commas) and numbers + _rows(column, commas) == values:
        return f"numbers with thousands separators, such as {commas[0]!r}: write them without"
    if commas and all(_DECIMAL_COMMA.fullmatch(text) for text in commas) and numbers + _rows(column, commas) == values:
        return f"numbers with a decimal comma, such as {commas[0]!r}: write a point"
    signed = [text for text in different if _SIGNED.fullmatch(text)]
    if signed and len(signed) == len(different):
        return f"numbers with a sign, such as {signed[0]!r}: write them without"
    if values >= 2 and numbers >= NEARLY * values:
        odd = int(np.flatnonzero(parsed.wrong)[0])
        text = str(column.iloc[odd])
        return (
            f"{numbers:,} of {values:,} values are numbers; not '{_short(text)}' in row {odd + 1}"
            f" (--no-value {_shell(text)} reads it as a gap)"
        )
    if groups := same_but_for_spelling(different):
        return f"{_quoted(groups[0])} differ in blanks or capitals only"
    return ""


def _rows(column: pd.Series, values: list[str]) -> int:
    return int(column.isin(values).sum())


def _quoted(values: Collection[str]) -> str:
    return " and ".join(map(repr, values))


def _short(text: str) -> str:
    return text if len(text) <= 24 else text[:21] + "..."


def _shell(text: str) -> str:
    import shlex

    return shlex.quote(text)
