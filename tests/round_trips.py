"""Made-up tables with hostile names and values, and what must come of them: stored as they were sent, or refused."""

from __future__ import annotations

import csv
import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from lepton.core.errors import LeptonError
from lepton.core.table import Table
from lepton.data import batchfile
from lepton.data.ids import batch_digest, content_keys
from lepton.data.readers import Reading, read

HOSTILE = st.sampled_from(
    [
        *("NA", "null", "01234", "1E5", "1.0", "True", "false", "2026-11-29", "0x1F", "1_000", "-0", "inf", "\\N", ""),
        *("a,b", 'say "no"', "two\nlines", "tab\tbed", " blank ", "'", ";", "=cmd()", "<script>", "</script>"),
        *("café", "cafe\u0301", "\x85", "\ufeff", "\u2028", "😀"),
    ]
)
TEXT = st.one_of(HOSTILE, st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00\r"), max_size=12))
OURS = ["width", "dtype", "image", "the image", "x (characters)", "f:a", "in earlier batch", "größe", "a, b", "{x}"]
NAME = st.one_of(
    st.sampled_from(OURS),
    st.text(st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=1, max_size=8),
)
KINDS: dict[str, tuple[str, st.SearchStrategy[Any], pa.DataType]] = {
    "float": ("number", st.floats(width=64), pa.float64()),
    "small": ("number", st.integers(-1000, 1000), pa.int16()),
    "large": ("number", st.integers(-(2**63), 2**63 - 1), pa.int64()),
    "unsigned": ("number", st.integers(0, 2**64 - 1), pa.uint64()),
    "decimal": ("number", st.decimals(-(10**12), 10**12, places=4, allow_nan=False), pa.decimal128(20, 4)),
    "bool": ("category", st.booleans(), pa.bool_()),
    "text": ("category", TEXT, pa.string()),
    "code": ("category", st.integers(-(2**63), 2**63 - 1), pa.int64()),
}
"""Name -> what the contract says of such a column, its values, its type in Parquet."""


@dataclass(frozen=True)
class Sent:
    """A table as somebody has it."""

    columns: dict[str, tuple[str, list[Any]]]
    """Name -> kind and values, None where there is none."""

    def reading(self) -> Reading:
        """Return what a contract of it says."""
        said = {name: KINDS[kind][0] for name, (kind, _) in self.columns.items()}
        numbers, categories = ([n for n, what in said.items() if what == w] for w in ("number", "category"))
        return Reading(
            kind="tabular", label="its label", id="its id", numbers=numbers, categories=categories, settled=True
        )

    def write(self, path: Path) -> Path:
        """Write it in the format that the path's name says."""
        if path.suffix == ".parquet":
            arrays = {name: pa.array(values, KINDS[kind][2]) for name, (kind, values) in self.columns.items()}
            pq.write_table(pa.table(arrays), path)
            return path
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream, quoting=csv.QUOTE_NONNUMERIC)
            writer.writerow(self.columns)
            for row in zip(*(values for _, values in self.columns.values()), strict=True):
                writer.writerow(["" if value is None else value for value in row])
        return path

    def expected(self) -> dict[str, list[Any]]:
        """Return what must be stored of it."""
        kept = {name: [_kept(kind, value) for value in values] for name, (kind, values) in self.columns.items()}
        return {name: _spelled(values) if self.columns[name][0] == "text" else values for name, values in kept.items()}


@st.composite
def tables(draw: st.DrawFn) -> Sent:
    """Return a table of up to four columns and six rows."""
    names = draw(st.lists(NAME, min_size=1, max_size=4, unique_by=lambda name: unicodedata.normalize("NFC", name)))
    rows = draw(st.integers(1, 6))
    columns = {}
    for name in names:
        kind = draw(st.sampled_from(sorted(KINDS)))
        values = st.one_of(st.none(), KINDS[kind][1]) if draw(st.booleans()) else KINDS[kind][1]
        columns[name] = (kind, draw(st.lists(values, min_size=rows, max_size=rows)))
    return Sent(columns)


def changed(sent: Sent, folder: Path) -> list[str]:
    """Return how what is stored differs from what was sent without a word: nothing, if all is well.

    Two formats that both are taken must give the same digest, too.
    """
    wrong: list[str] = []
    digests: dict[str, str] = {}
    for name in ("d.csv", "d.parquet"):
        try:
            table = read(sent.write(folder / name), sent.reading()).identified("d")
        except LeptonError:
            continue
        stored = batchfile.decode(batchfile.encode(table), name)
        wrong += _differences(name, stored, sent.expected())
        digests[name] = batch_digest(content_keys(stored))
    if len(set(digests.values())) > 1:
        wrong.append("CSV and Parquet of one table have different digests")
    return wrong


def _differences(file: str, stored: Table, expected: dict[str, list[Any]]) -> list[str]:
    assert stored.frame is not None
    found = {name: list(stored.frame[name]) for name in stored.frame}
    names = {unicodedata.normalize("NFC", name): values for name, values in expected.items()}
    if list(found) != list(names):
        return [f"{file}: the columns {list(found)}, not {list(names)}"]
    return [
        f"{file}: column {name!r} holds {got!r}, not {want!r}"
        for name, values in names.items()
        for got, want in zip(found[name], values, strict=True)
        if not _equal(got, want)
    ]


def _kept(kind: str, value: Any) -> Any:
    if KINDS[kind][0] == "number":
        return np.nan if value is None else value
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None or value == "" else unicodedata.normalize("NFC", str(value))


def _spelled(values: list[Any]) -> list[Any]:
    """Return a column of text in the one spelling that is documented: `true` for `True`, `1` for `1.0`.

    That is so where the column holds nothing else, since exports write a column of truth values, or of whole numbers
    with a gap, in either way.
    """
    known = [value for value in values if value is not None]
    if known and all(value.strip(" \t").lower() in ("true", "false") for value in known):
        return [value and value.strip(" \t").lower() for value in values]
    whole = all(re.fullmatch(r"[+-]?\d+(\.0*)?", value) for value in known)
    if whole and any("." in value for value in known) and not any(re.fullmatch(r"[+-]?0\d+", v) for v in known):
        return [value and str(int(value.partition(".")[0])) for value in values]
    return values


def _equal(got: Any, want: Any) -> bool:
    if isinstance(want, Decimal):
        return Decimal(repr(float(got))) == want
    if isinstance(want, int | float):
        return bool(got == want) or (pd.isna(got) and pd.isna(want))
    return got == want if want is not None else got is None
