"""CSV: UTF-8, comma, one header line. Anything else is refused by name rather than guessed at."""

from __future__ import annotations

import csv
import gzip
import io
import re
import shlex
import zlib
from collections import Counter
from collections.abc import Collection
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
from lepton.data.readers.delivery import Delivery, Reading
from lepton.data.readers.frames import delivery_from_frame
from lepton.data.readers.limits import check_shape, gunzip
from lepton.data.readers.quotes import check_quotes
from lepton.data.readers.reader import Reader

EXCEL = re.compile(rb"sep=.\r?\n")
LONGEST_NAME = 100_000
"""Characters of a column's name."""
SEPARATORS = {";": "semicolons (';')", "\t": "tabs", "|": "bars ('|')"}


class Csv(Reader):
    """Comma-separated values, gzipped or not."""

    name = "csv"
    suffixes = (".csv", ".csv.gz")

    def read(self, path: Path, reading: Reading) -> Delivery:
        """See the module's `read`."""
        return read(path, reading)


def read(path: Path, reading: Reading) -> Delivery:
    """Read a CSV file, gzipped or not.

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
    limits = limits or LimitsConfig()
    content = _bytes(path, limits)
    check_quotes(path.name, content)
    header = _header(path, content, known)
    check_shape(path.name, 0, len(header), limits)
    return _rows(path, content, header, limits)


def _bytes(path: Path, limits: LimitsConfig) -> bytes:
    if not path.name.lower().endswith(".gz"):
        raw = path.read_bytes()
    else:
        try:
            raw = gunzip(path, limits)
        except gzip.BadGzipFile as error:
            raise LeptonError(
                f"{path.name} is not a gzip file.",
                why=str(error),
                fix=["rename it if it is plain CSV", "deliver it again"],
            ) from None
        except (EOFError, zlib.error) as error:
            raise LeptonError(f"{path.name} is cut off or damaged.", why=str(error), fix=["deliver it again"]) from None
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _encoding(path, "UTF-16", "It starts with the mark of UTF-16.")
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    if said := EXCEL.match(raw):  # Excel's own line: what separates the fields
        raw = raw[said.end() :]
    if not raw.strip():
        raise LeptonError(f"{path.name} is empty.", why="There is no header line.", fix=["deliver the file again"])
    if b"\x00" in raw:
        line = raw[: raw.index(b"\x00")].count(b"\n") + 1
        raise LeptonError(
            f"{path.name} is not text.", why=f"There is a zero byte in line {line}.", fix=["deliver it as CSV"]
        )
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise _encoding(path, "WINDOWS-1252", f"Byte 0x{raw[error.start]:02X} in line {line} is not UTF-8.") from None
    return raw if raw.endswith(b"\n") else raw + b"\n"  # pyarrow takes a header without one for an empty file


def _encoding(path: Path, likely: str, why: str) -> LeptonError:
    plain = path.name.removesuffix(".gz")
    here, goal = shlex.quote(str(path)), shlex.quote(str(path.with_name("utf8-" + plain)))
    source = f"zcat {here} | iconv -f {likely} -t UTF-8" if plain != path.name else f"iconv -f {likely} -t UTF-8 {here}"
    return LeptonError(
        f"{path.name} is not UTF-8.",
        why=f"{why} It looks like {likely}.",
        fix=[f"{source} > {goal}", "save it again as 'CSV UTF-8'"],
    )


def _header(path: Path, content: bytes, known: Collection[str]) -> dict[str, str]:
    """Return the name of each column as it stands in the file -> as it is here."""
    text = io.StringIO(content[: 1 << 20].decode("utf-8", "ignore"), newline="")
    try:
        header = next((fields for fields in csv.reader(text) if fields), [])
    except csv.Error:  # a field longer than the module reads, whose limit anybody may have moved
        raise _endless(path) from None
    if max(map(len, header), default=0) > LONGEST_NAME:
        raise _endless(path)
    line = ",".join(header)
    found = max(SEPARATORS, key=line.count)
    if line.count(found) and line.count(found) > len(header) - 1 and _divides(text.getvalue(), found):
        raise _separator(path, found)
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


def _separator(path: Path, found: str) -> LeptonError:
    fixed = str(path.with_name("comma-" + path.name))
    code = f"import pandas; pandas.read_csv({str(path)!r}, sep={found!r}).to_csv({fixed!r}, index=False)"
    quoted = shlex.quote(code) if set(fixed) & set("\"'$`\\!") else f'"{code}"'
    return LeptonError(
        f"{path.name} is not separated by commas.",
        why=f"Its header looks separated by {SEPARATORS[found]}.",
        fix=[
            f"python -c {quoted}" + ("   (add decimal=',' if numbers are written 1,5)" if found == ";" else ""),
            "export it again as comma-separated CSV",
        ],
    )


def _rows(path: Path, content: bytes, header: dict[str, str], limits: LimitsConfig) -> pd.DataFrame:
    """Parse strictly: pandas would fill short lines with NaN and take a surplus field for an index."""
    short: list[tuple[int | None, int]] = []

    def refuse(row: arrow_csv.InvalidRow) -> str:
        short.append((row.number, row.actual_columns))
        return "error"

    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(content),
            read_options=arrow_csv.ReadOptions(
                use_threads=False,
                block_size=min(max(1 << 20, len(content) + 1), 2**31 - 1),
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
            line, fields = short[0]
            raise LeptonError(
                f"{path.name}: line {line} has {fields} fields, the header has {len(header)}.",
                why='A comma inside a value must be quoted: "a, b".',
                fix=[f"mend line {line}", "export it again"],
            ) from None
        raise LeptonError(f"{path.name} cannot be read as CSV.", why=str(error), fix=["export it again"]) from None
    if table.num_rows == 0:
        raise LeptonError(
            f"{path.name} has a header but no rows.",
            why=f"Columns: {', '.join(header.values())}.",
            fix=["deliver the file again"],
        )
    check_shape(path.name, table.num_rows, len(header), limits)  # an object a value is still to come
    columns = {here: np.asarray(table[name].to_pylist(), dtype=object) for name, here in header.items()}
    return pd.DataFrame(columns, dtype=object)
