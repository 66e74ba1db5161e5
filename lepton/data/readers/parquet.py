"""Parquet: a table of columns, or a batch as lepton itself stores it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from lepton.core.config.limits import LimitsConfig
from lepton.core.errors import LeptonError
from lepton.data import batchfile
from lepton.data.readers.delivery import Delivery, Reading, part_after
from lepton.data.readers.frames import delivery_from_frame
from lepton.data.readers.limits import check_shape, check_size
from lepton.data.readers.reader import Reader

CELLS = 2_000_000
"""Values that are read at once, ..."""
FEWEST = 1_000
"""... but no fewer rows than these."""
BUFFER = 1 << 20
"""Bytes of a column that are read from the disk at once."""
_ROW_NUMBERS = re.compile(r"__index_level_\d+__")


class Parquet(Reader):
    """Parquet files."""

    name = "parquet"
    suffixes = (".parquet",)

    def read(self, path: Path, reading: Reading) -> Delivery:
        """See the module's `read`."""
        return read(path, reading)

    def pieces(self, path: Path, reading: Reading) -> Iterator[Delivery]:
        """See `Reader`."""
        yield from divided(path, [path], reading)


def divided(path: Path, files: Sequence[Path], reading: Reading) -> Iterator[Delivery]:
    """Yield the rows of files of the same columns, some at a time.

    Args:
        path: What was delivered.
        files: One or more of it, in order.
        reading: See `Reader.pieces`.

    Raises:
        LeptonError: See `read`; also if no file has a row.
    """
    before = total = 0
    for file in files:
        with _readable(file):
            total += _opened(file, reading.limits).metadata.num_rows
    check_shape(path.name, total, 0, reading.limits)
    for file in files:
        with _readable(file):
            opened = _opened(file, reading.limits)
            rows = max(FEWEST, CELLS // max(1, opened.metadata.num_columns))
            parts = opened.iter_batches(batch_size=rows, use_threads=False)
        while True:
            with _readable(file):
                part = next(parts, None)
            if part is None:
                break
            with part_after(before):
                found = delivery(path, pa.Table.from_batches([part], opened.schema_arrow), reading)
            before += part.num_rows
            yield replace(found, share=before / total)
    if not before:
        raise _no_rows(path, _opened(files[0], reading.limits).schema_arrow.names)


def read(path: Path, reading: Reading) -> Delivery:
    """Read a Parquet file.

    Raises:
        LeptonError: If it is cut off or no Parquet, has no rows, or a column that is neither numbers nor text.
    """
    return delivery(path, read_arrow(path, limits=reading.limits), reading)


def delivery(path: Path, table: pa.Table, reading: Reading) -> Delivery:
    """Return what an Arrow table holds; see `read` for what is refused."""
    if batchfile.METADATA in (table.schema.metadata or {}):
        stored = batchfile.decode(table, path.name)
        return Delivery(stored, ids_from="given", has_labels=True)
    table = _without_row_numbers(table, reading.names)
    try:
        frame = as_frame(table)
    except (pa.ArrowException, UnicodeDecodeError):  # text that is none: as bytes, the row can be named
        types = [pa.binary() if pa.types.is_string(field.type) else field.type for field in table.schema]
        fields = [field.with_type(kind) for field, kind in zip(table.schema, types, strict=True)]
        frame = as_frame(table.cast(pa.schema(fields)))
    return delivery_from_frame(path, frame, reading)


def as_frame(table: pa.Table) -> pd.DataFrame:
    """Return the columns as pandas has them; whole numbers with gaps stay whole numbers."""
    plain = table.replace_schema_metadata(None)  # damaged metadata is looked into even where it is to be ignored
    frame: pd.DataFrame = plain.to_pandas(ignore_metadata=True, integer_object_nulls=True)
    return frame


def _without_row_numbers(table: pa.Table, known: Collection[str]) -> pa.Table:
    """Return the columns but those in which pandas kept its own nameless numbering of rows, unless they are known."""
    try:
        said = json.loads((table.schema.metadata or {}).get(b"pandas") or b"{}")
        index = list(said["index_columns"])
    except (ValueError, LookupError, TypeError):  # not written by pandas, or damaged: the columns say it all
        return table
    drop = [
        name
        for name in index
        if isinstance(name, str) and _ROW_NUMBERS.fullmatch(name) and name in table.column_names and name not in known
    ]
    return table.drop_columns(drop)


def read_arrow(path: Path, empty: bool = False, limits: LimitsConfig | None = None) -> pa.Table:
    """Return the whole file; see `read` for what is refused.

    Args:
        path: The file.
        empty: It need not have a row.
        limits: How large it may be; by default what a workspace allows by default.
    """
    with _readable(path):
        table = _opened(path, limits or LimitsConfig()).read(use_threads=False)
    if table.num_rows == 0 and not empty:
        raise _no_rows(path, table.column_names)
    return table


def schema_of(path: Path, limits: LimitsConfig) -> pa.Schema:
    """Return what columns a file has; see `read` for what is refused."""
    with _readable(path):
        return _opened(path, limits).schema_arrow


def _opened(path: Path, limits: LimitsConfig) -> pq.ParquetFile:
    """Return a file whose size, as it states it, is allowed, and whose columns have a name each."""
    # Else all of a file is held in the end, or a group of its rows before the first of them comes.
    file = pq.ParquetFile(path, memory_map=False, pre_buffer=False, buffer_size=BUFFER)
    stated = file.metadata
    check_shape(path.name, stated.num_rows, stated.num_columns, limits)
    # Few values that repeat take little in the file, and at least one byte each once they are read.
    packed = sum(stated.row_group(group).total_byte_size for group in range(stated.num_row_groups))
    check_size(path.name, max(packed, stated.num_rows * stated.num_columns), limits)
    twice = sorted(name for name, count in Counter(file.schema_arrow.names).items() if count > 1)
    if twice:
        raise LeptonError(f"{path.name} names the columns {', '.join(map(repr, twice))} more than once.")
    return file


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Say of a file that cannot be read that it is damaged."""
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError, MemoryError) as error:
        raise LeptonError(
            f"{path.name} is cut off, damaged or no Parquet file.",
            why=str(error).split("\n")[0],
            fix=["deliver it again"],
        ) from None


def _no_rows(path: Path, columns: Sequence[str]) -> LeptonError:
    return LeptonError(f"{path.name} has columns but no rows.", why=f"Columns: {', '.join(columns)}.")
