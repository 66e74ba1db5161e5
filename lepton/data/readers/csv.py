"""CSV: UTF-8, comma, one header line. Anything else is refused by name rather than guessed at."""

from __future__ import annotations

import csv
import io
import re
import shlex
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv as arrow_csv

from lepton.core.config.limits import LimitsConfig
from lepton.core.errors import LeptonError
from lepton.data.columns import from_text, text_column
from lepton.data.labels import composed
from lepton.data.numbers import check_exact
from lepton.data.readers.delivery import Delivery, Reading, part_after
from lepton.data.readers.frames import delivery_from_frame
from lepton.data.readers.limits import check_shape
from lepton.data.readers.quotes import check_quotes
from lepton.data.readers.reader import Reader
from lepton.data.readers.text_stream import UNPACK, as_stream, text_chunks, whole_records

BLOCK = 1 << 23
"""Bytes that are parsed at once, and the rest of their last row."""
HEAD = 1 << 20
"""Bytes from the beginning in which the header must be."""
LONGEST_NAME = 100_000
"""Characters of a column's name."""
LOOKED_AT = 100
"""Rows in which decimal commas are looked for."""
DECIMAL_COMMA = re.compile(r"[-+]?\d+,(?!\d{3}\Z)\d+")
"""What shows that commas are decimal: with three digits behind it, one may stand between thousands."""
SEPARATORS = {";": "semicolons (';')", "\t": "tabs", "|": "bars ('|')"}


class Csv(Reader):
    """Comma-separated values, packed or not."""

    name = "csv"
    suffixes = (".csv", *(f".csv{packed}" for packed in UNPACK))

    def read(self, path: Path, reading: Reading) -> Delivery:
        """See the module's `read`."""
        return read(path, reading)

    def pieces(self, path: Path, reading: Reading) -> Iterator[Delivery]:
        """See `Reader`."""
        before = 0
        for frame, share in text_frames(path, reading.names, reading.limits):
            with part_after(before):
                found = delivery(path, frame, reading)
            before += len(frame)
            yield replace(found, share=share)


def read(path: Path, reading: Reading) -> Delivery:
    """Read a CSV file, packed or not.

    Raises:
        LeptonError: For a wrong encoding, separator or number of fields, stray quotes, a header without rows, a cut-off
            gzip file, or numbers that would be rounded.
    """
    return delivery(path, read_frame(path, reading.names, reading.limits), reading)


def delivery(path: Path, frame: pd.DataFrame, reading: Reading) -> Delivery:
    """Return what columns of text hold, as `read_frame` returned them; see `read` for what is refused."""
    as_it_is = {reading.label, reading.id, *reading.dates, *reading.ignore}
    columns: dict[str, pd.Series] = {}
    inexact: dict[str, tuple[int, str]] = {}
    for name in frame.columns:
        texts = list(frame[name])
        if name in as_it_is:
            columns[name] = text_column([text or None for text in texts])
            continue
        columns[name], rounded = from_text(texts, reading.declared(name), reading.no_value)
        if rounded is not None:
            inexact[name] = rounded
    check_exact(path.name, inexact)
    return delivery_from_frame(path, pd.DataFrame(columns), reading)


def read_frame(path: Path, known: Collection[str] = (), limits: LimitsConfig | None = None) -> pd.DataFrame:
    """Return every column as text, as it stands in the file; see `read` for what is refused.

    Args:
        path: The file.
        known: Names of columns that are taken as they stand; of others, blanks around them do not count.
        limits: How large it may be; by default what a workspace allows by default.
    """
    parts = [frame for frame, _ in text_frames(path, known, limits or LimitsConfig())]
    return parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)


def text_frames(path: Path, known: Collection[str], limits: LimitsConfig) -> Iterator[tuple[pd.DataFrame, float]]:
    """Yield what `read_frame` returns, the rows of `BLOCK` bytes at a time, and how much of the file was read."""
    head, size = _look_through(path, limits)
    header = _header(path, head, known)
    check_shape(path.name, 0, len(header), limits)
    rows = came = 0
    for block in whole_records(text_chunks(path, limits), BLOCK):
        came += len(block)
        frame = _parsed(path, block, header, rows)
        rows += len(frame)
        check_shape(path.name, rows, len(header), limits)
        if len(frame):
            yield frame, came / size
    if not rows:
        raise LeptonError(
            f"{path.name} has a header but no rows.",
            why=f"Columns: {', '.join(header.values())}.",
            fix=["deliver the file again"],
        )


def _look_through(path: Path, limits: LimitsConfig) -> tuple[bytes, int]:
    """Return the beginning of a text and its size, once all of it was found to be text whose quotes are closed."""
    head, size, quoted = b"", 0, False
    for chunk in text_chunks(path, limits):
        head += chunk[: max(0, HEAD - len(head))]
        size, quoted = size + len(chunk), quoted or b'"' in chunk
    if quoted:
        with as_stream(text_chunks(path, limits)) as stream:
            check_quotes(path.name, stream, size)
    return head, size


def _header(path: Path, content: bytes, known: Collection[str]) -> dict[str, str]:
    """Return the name of each column as it stands in the file -> as it is here."""
    text = io.StringIO(content.decode("utf-8", "ignore"), newline="")
    try:
        header = next((fields for fields in csv.reader(text) if fields), [])
    except csv.Error:  # a field longer than the module reads, whose limit anybody may have moved
        raise _endless(path) from None
    if max(map(len, header), default=0) > LONGEST_NAME:
        raise _endless(path)
    line = ",".join(header)
    found = max(SEPARATORS, key=line.count)
    if line.count(found) and line.count(found) > len(header) - 1 and _divides(text.getvalue(), found):
        raise _separator(path, found, text.getvalue())
    nameless = [place for place, name in enumerate(header, start=1) if not name.strip()]
    if nameless:
        raise LeptonError(
            f"{path.name}: column {nameless[0]} of the header has no name.",
            why="An index written by pandas looks like this." if nameless == [1] else "",
            fix=["write the file with index=False", "name every column"],
        )
    here = composed(header, known)
    named = Counter(here[name] for name in header)
    twice = sorted(name for name, count in named.items() if count > 1)
    if twice:
        raise LeptonError(
            f"{path.name}: the header names {', '.join(map(repr, twice))} more than once.",
            fix=["name every column once"],
        )
    return {name: here[name] for name in header}


def _endless(path: Path) -> LeptonError:
    return LeptonError(
        f"{path.name}: the header has a name of more than {LONGEST_NAME:,} characters.",
        why="That is no name of a column: a line break may be missing.",
        fix=["export it again"],
    )


def _divides(text: str, separator: str) -> bool:
    """Return whether the first row has as many fields as the header by a separator: a name may hold one, too."""
    records = (fields for fields in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if fields)
    header = next(records)
    try:
        return len(next(records, header)) == len(header)
    except csv.Error:  # a field longer than the module reads
        return True


def _separator(path: Path, found: str, text: str) -> LeptonError:
    """Return the error with a command that changes the separator and nothing else: 01067 and NA stay what they are."""
    fixed = str(path.with_name("comma-" + path.name))
    first = islice(csv.reader(io.StringIO(text, newline=""), delimiter=found), 1, LOOKED_AT)
    points = any(DECIMAL_COMMA.fullmatch(cell) for fields in first for cell in fields)
    code = (
        f"import pandas; pandas.read_csv({str(path)!r}, sep={found!r}, dtype=str, keep_default_na=False)"
        + (r".replace(r'^([-+]?\d+),(\d+)\Z', r'\1.\2', regex=True)" if points else "")
        + f".to_csv({fixed!r}, index=False)"
    )
    quoted = shlex.quote(code) if set(fixed) & set("\"'$`\\!") else f'"{code}"'
    return LeptonError(
        f"{path.name} is not separated by commas.",
        why=f"Its header looks separated by {SEPARATORS[found]}."
        + (" Its numbers have decimal commas." if points else ""),
        fix=[f"python -c {quoted}", "export it again as comma-separated CSV"],
    )


def _parsed(path: Path, block: bytes, header: dict[str, str], before: int) -> pd.DataFrame:
    """Parse whole records strictly: pandas would fill short lines with NaN and take a surplus field for an index.

    Arrow's own reader of blocks is not taken: it reads up to 32 of them ahead.

    Args:
        path: The file.
        block: Of it; the first one begins with the header.
        header: Name of each column as it stands in the file -> as it is here.
        before: Rows that came before.
    """
    short: list[tuple[int | None, int]] = []

    def refuse(row: arrow_csv.InvalidRow) -> str:
        short.append((row.number, row.actual_columns))
        return "error"

    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(block),
            read_options=arrow_csv.ReadOptions(
                use_threads=False,
                block_size=min(len(block) + 1, 2**31 - 1),
                column_names=list(header) if before else None,
            ),
            # Of one column an empty line is a row without a value, of several it is none.
            parse_options=arrow_csv.ParseOptions(
                newlines_in_values=True, invalid_row_handler=refuse, ignore_empty_lines=len(header) > 1
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        if short:
            number, fields = short[0]
            line = None if number is None else number + (before + 1 if before else 0)
            raise LeptonError(
                f"{path.name}: line {line} has {fields} fields, the header has {len(header)}.",
                why='A comma inside a value must be quoted: "a, b".',
                fix=[f"mend line {line}", "export it again"],
            ) from None
        raise LeptonError(f"{path.name} cannot be read as CSV.", why=str(error), fix=["export it again"]) from None
    columns = {here: np.asarray(table[name].to_pylist(), dtype=object) for name, here in header.items()}
    return pd.DataFrame(columns, dtype=object)
