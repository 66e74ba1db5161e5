"""A batch as a stream of tables of one size, so that its rows never are in memory together.

Which rows are in a table together is told by the size alone, never by how the file was written: what is computed from
such tables is the same, bit for bit, whenever it is computed again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from lepton.core.table import Table
from lepton.data import batchfile

_TAIL = 8
"""Bytes at the end of a Parquet file: how long its footer is, and a mark."""


def stream(path: Path, rows: int, skip: int = 0) -> Iterator[tuple[pa.ChunkedArray, Table]]:
    """Return a batch in order: the ids of so many rows, and the rows.

    The ids stay Arrow's: millions of Python strings take more time than the network. Neither ids nor labels are in the
    tables of numbers and categories, whose texts are pandas' categories here.

    Args:
        path: A batch file.
        rows: Of each table; the last one has what is left.
        skip: Leave out so many rows at the beginning.

    Raises:
        LeptonError: If it is damaged, or a newer lepton wrote it.
    """
    plain = batchfile.about(path)["kind"] == "tabular"
    for piece in batchfile.even(batchfile.pieces(path, rows), rows, skip):
        yield piece["id"], _columns(piece, path.name) if plain else batchfile.decode(piece, path.name)


def row_bytes(path: Path) -> int:
    """Return how many bytes a row of a batch file takes in the mean, not compressed."""
    found = pq.read_metadata(path)
    whole = sum(int(found.row_group(k).total_byte_size) for k in range(found.num_row_groups))
    return -(-whole // max(int(found.num_rows), 1))


def footprint(path: Path) -> str:
    """Return 32 hex digits over a file's size and footer, which a file of other rows does not have.

    The footer has the digest of the delivery, how many rows were erased, and where each column lies; reading all of a
    large file would take as long as a part of the work.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(size - _TAIL, 0))
        length = int.from_bytes(file.read(_TAIL)[:4], "little")
        file.seek(-min(length + _TAIL, size), os.SEEK_END)
        return blake2b(f"{size}:".encode() + file.read(), digest_size=16).hexdigest()


def _columns(piece: pa.Table, name: str) -> Table:
    """Return the features of a piece, without a Python object a row."""
    columns = {column: _series(values) for column, values in batchfile.features(piece, name).items()}
    nobody = np.empty(piece.num_rows, dtype=object)
    frame = pd.DataFrame(columns, index=pd.RangeIndex(piece.num_rows), copy=False)
    return Table("tabular", nobody, nobody, frame=frame)


def _series(column: pa.ChunkedArray) -> pd.Series:
    if pa.types.is_floating(column.type):
        return pd.Series(column.to_numpy(zero_copy_only=False), copy=False)
    whole = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    coded = whole if pa.types.is_dictionary(whole.type) else whole.dictionary_encode()
    codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return pd.Series(pd.Categorical.from_codes(codes, coded.dictionary.to_pylist()))
