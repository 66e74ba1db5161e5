"""Rows that come piece by piece into one Parquet file of several row groups: one piece is in memory, never all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from lepton.core.config.limits import LimitsConfig
from lepton.data.readers.limits import check_shape, check_size

VALUES = 1_000_000
"""Most values of a row group: of wide tables it has few rows."""
MOST_ROWS = 20_000
LEAST_ROWS = 100

Widen = Callable[[pa.Schema, pa.Schema], pa.Schema]


def rows_at_once(columns: int) -> int:
    """Return how many rows a row group has; it depends on nothing else, so equal rows give an equal file."""
    return max(LEAST_ROWS, min(MOST_ROWS, VALUES // max(columns, 1)))


def write(pieces: Iterable[pa.Table], goal: Path, source: str, limits: LimitsConfig, widen: Widen | None = None) -> int:
    """Write pieces of a table as row groups of a new Parquet file.

    Args:
        pieces: At least one; of no row, if there is none.
        goal: The file.
        source: What it is called in messages.
        limits: How many bytes, rows and columns there may be; looked at before a piece is written.
        widen: Returns the columns of all so far, and of a piece, as one; by default all pieces have the same. What was
            written with narrower ones is written again at the end.

    Returns:
        How many rows.

    Raises:
        LeptonError: If it is more than allowed.
        pyarrow.ArrowException: If Parquet cannot hold a column.
    """
    parts: list[Path] = []
    writer: pq.ParquetWriter | None = None
    schema: pa.Schema | None = None
    rows = size = 0
    try:
        for piece in pieces:
            rows, size = rows + piece.num_rows, size + piece.nbytes
            check_shape(source, rows, piece.num_columns, limits)
            check_size(source, size, limits)
            wider = piece.schema if schema is None else widen(schema, piece.schema) if widen else schema
            if writer is None or wider != schema:
                if writer is not None:
                    writer.close()
                schema = wider
                parts.append(goal.with_name(f".{len(parts)}-{goal.name}"))
                writer = pq.ParquetWriter(parts[-1], schema)
            if piece.num_rows:
                writer.write_table(piece.cast(schema), row_group_size=max(piece.num_rows, 1))
    finally:
        if writer is not None:
            writer.close()
    _joined(parts, schema, goal)
    return rows


def digest(path: Path) -> str:
    """Return a few letters that a file's content decides."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=4)).hexdigest()


def _joined(parts: list[Path], schema: pa.Schema, goal: Path) -> None:
    """Make one file of parts whose columns grew wider, and remove them."""
    if len(parts) == 1:
        parts[0].rename(goal)
        return
    with pq.ParquetWriter(goal, schema) as writer:
        for part in parts:
            with pq.ParquetFile(part, pre_buffer=False) as file:
                for group in range(file.num_row_groups):
                    writer.write_table(file.read_row_group(group, use_threads=False).cast(schema))
            part.unlink()
