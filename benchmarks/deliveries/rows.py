"""A delivery of any number of rows, made piece by piece with a fixed seed: 18 numbers, 2 categories, an id."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

NUMBERS, SEED = 18, 0
PIECE = 250_000
"""Rows that are in memory at once."""
LINES, SHIFTS = ("north", "south", "east", "west", "spare"), ("early", "late", "night")


def pieces(rows: int, start: int, shift: float, labelled: bool = False) -> Iterator[pa.Table]:
    """Yield the rows of a site whose sensors are offset by `shift`; the same arguments give the same rows.

    Args:
        rows: How many.
        start: Number of the first one: ids and values are its own.
        shift: 0 for the source.
        labelled: Whether column `label` is there.
    """
    for at in range(start, start + rows, PIECE):
        count = min(PIECE, start + rows - at)
        random = np.random.default_rng([SEED, at])
        values = random.normal(size=(NUMBERS, count)).astype(np.float64)
        line, turn = random.integers(len(LINES), size=count), random.integers(len(SHIFTS), size=count)
        bad = values[0] + 0.8 * values[1] * (values[2] > 0) + 0.5 * (line == 0) > 0.6
        columns = {"id": pc.utf8_lpad(pc.cast(pa.array(np.arange(at, at + count)), pa.string()), 9, "0")}
        columns |= {f"n{k:02d}": pa.array((row + shift * (k < 2)).round(4)) for k, row in enumerate(values)}
        columns |= {"line": pa.array(np.array(LINES)[line]), "shift": pa.array(np.array(SHIFTS)[turn])}
        if labelled:
            columns["label"] = pa.array(np.where(bad, "bad", "good"))
        yield pa.table(columns)


def write(path: Path, tables: Iterator[pa.Table]) -> Path:
    """Write pieces as CSV or Parquet, as the name says."""
    writer = None
    for table in tables:
        if writer is None:
            kind = pyarrow.csv.CSVWriter if path.suffix == ".csv" else pq.ParquetWriter
            writer = kind(str(path), table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()
    return path
