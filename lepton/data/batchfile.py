"""One Parquet file a batch: ids, labels and rows, with what they are in the schema's metadata.

The same table gives the same bytes under one version of pyarrow, so DVC stores it once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from lepton.core.errors import LeptonError
from lepton.core.table import Table, series_column
from lepton.data.columns import number, text_column

METADATA = b"lepton"
IMAGE, IMAGE_TOO = "image", "the image"
"""Column of the images, and its name beside other features, of which one may be called "image"."""
GROUP = 1 << 17
"""Rows of a row group: what a reader of some rows must hold at least."""
FORMAT = 1
SERIES_FORMAT = 2
"""Of batches with series, texts or gaps among their images: an older lepton must not take them for something else."""


def encode(table: Table, extra: dict[str, Any] | None = None) -> pa.Table:
    """Return the Arrow table of a batch; `extra` goes into the metadata, over what follows from the rows."""
    plain = table.kind in ("image", "tabular")
    form = FORMAT if plain else SERIES_FORMAT
    about: dict[str, Any] = {"format": form, "kind": table.kind, "rows": len(table), **(extra or {})}
    if not plain:
        about |= {"texts": list(table.texts), "series": list(table.series)}
    columns = {"id": pa.array(table.ids, pa.string()), "label": pa.array(table.labels, pa.string())}
    if table.images is not None:
        images = np.ascontiguousarray(table.images)
        about |= {"shape": list(images.shape[1:]), "dtype": str(images.dtype)}
        width = int(np.prod(images.shape[1:])) * images.dtype.itemsize
        # One bit a row says whether it is a null.
        there = None if table.pictured is None else pa.array(table.pictured).buffers()[1]
        columns[IMAGE if table.frame is None else IMAGE_TOO] = pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(width), len(images), [there, pa.py_buffer(images.tobytes())]
        )
    if table.frame is not None:
        # A feature may itself be called "id" or "label": the prefix keeps it apart from ours.
        about["columns"] = list(table.frame.columns)
        for name in table.frame.columns:
            series = table.frame[name]
            if name in table.series:
                columns[_stored(name)] = pa.array(series.tolist(), pa.list_(pa.float32()))
                continue
            kind = pa.float64() if number(series) else pa.string()
            columns[_stored(name)] = pa.array(series.to_numpy(dtype=None), kind, from_pandas=kind == pa.string())
    arrow = pa.table(columns)
    return arrow.replace_schema_metadata({METADATA: json.dumps(about, sort_keys=True).encode()})


def decode(arrow: pa.Table, name: str) -> Table:
    """Return the rows in an Arrow table that `encode` made.

    Raises:
        LeptonError: If a newer lepton wrote it.
    """
    about = _about(arrow.schema, name)
    ids, labels = _objects(arrow["id"]), _objects(arrow["label"])
    if "columns" not in about:
        return Table(kind=about["kind"], ids=ids, labels=labels, images=_images(arrow[IMAGE], about))
    images, pictured = None, None
    if IMAGE_TOO in arrow.column_names and "shape" in about:
        images = _images(arrow[IMAGE_TOO], about)
        pictured = np.array(arrow[IMAGE_TOO].is_valid(), dtype=bool) if arrow[IMAGE_TOO].null_count else None
    columns: dict[str, pd.Series] = {}
    for column_name in about["columns"]:
        column = arrow[_stored(column_name)]
        if pa.types.is_list(column.type):
            columns[column_name] = series_column(
                None if one is None else np.array(one, dtype=np.float32) for one in column.to_pylist()
            )
        elif pa.types.is_floating(column.type):
            columns[column_name] = pd.Series(column.to_numpy(zero_copy_only=False))
        else:
            columns[column_name] = text_column(column.to_pylist())
    frame = pd.DataFrame(columns, index=pd.RangeIndex(arrow.num_rows))
    texts, series = tuple(about.get("texts", ())), tuple(about.get("series", ()))
    return Table(about["kind"], ids, labels, images=images, frame=frame, texts=texts, series=series, pictured=pictured)


def _images(column: pa.ChunkedArray, about: dict[str, Any]) -> NDArray[np.generic]:
    """Return (n, C, H, W) of a column of bytes; zeros where a row has none."""
    whole = column.combine_chunks()
    whole = whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole
    width = whole.type.byte_width
    flat = np.frombuffer(whole.buffers()[1], dtype=np.uint8, count=len(whole) * width, offset=whole.offset * width)
    images: NDArray[np.generic] = flat.view(about["dtype"]).reshape(len(whole), *about["shape"]).copy()
    if whole.null_count:
        images[~np.array(whole.is_valid(), dtype=bool)] = 0
    return images


def write(path: Path, parts: Iterable[pa.Table]) -> Path:
    """Write Arrow tables of one schema as one file; the folder must exist. Not atomic: see `lepton.data.store`.

    The rows stand in groups of `GROUP`, however they come, so that the same rows give the same bytes.
    """
    parts = iter(parts)
    first = next(parts)
    alike = (part.replace_schema_metadata(first.schema.metadata) for part in parts)
    with pq.ParquetWriter(
        path,
        first.schema,
        compression="zstd",
        compression_level=9,
        use_dictionary=False,
        write_statistics=False,
    ) as writer:
        rows = 0
        for group in even(chain([first], alike), GROUP):
            writer.write_table(group.combine_chunks(), row_group_size=GROUP)
            rows += group.num_rows
        if not rows:
            writer.write_table(first)
    return path


def even(pieces: Iterable[pa.Table], rows: int, skip: int = 0) -> Iterator[pa.Table]:
    """Return the same rows in pieces of exactly so many, but for the last one.

    Args:
        pieces: In order, of any size.
        rows: Of each.
        skip: Leave out so many rows at the beginning.
    """
    kept: list[pa.Table] = []
    there = 0
    for whole in pieces:
        gone = min(skip, whole.num_rows)
        skip -= gone
        piece = whole.slice(gone)
        while there + piece.num_rows >= rows:
            head = piece.slice(0, rows - there)
            yield pa.concat_tables([*kept, head])
            piece, kept, there = piece.slice(head.num_rows), [], 0
        if piece.num_rows:
            kept.append(piece)
            there += piece.num_rows
    if kept:
        yield pa.concat_tables(kept)


def without(path: Path, drop: NDArray[np.bool_]) -> pa.Table:
    """Return the Arrow table of a batch or labels file without some rows; its metadata says how many were erased.

    The digest of the content as it was delivered stays, so that the same delivery is known when it comes again.
    """
    arrow = pq.read_table(path, use_threads=False)
    kept = arrow.filter(pa.array(~drop)).combine_chunks()
    if METADATA not in (arrow.schema.metadata or {}):
        return kept
    about = _about(arrow.schema, path.name)
    about |= {"rows": kept.num_rows, "erased": about.get("erased", 0) + int(drop.sum())}
    return kept.replace_schema_metadata({METADATA: json.dumps(about, sort_keys=True).encode()})


def read(path: Path) -> Table:
    """Read a batch file.

    Raises:
        LeptonError: If it is damaged, or a newer lepton wrote it.
    """
    with _whole(path):
        arrow = pq.read_table(path, use_threads=False)
    return decode(arrow, path.name)


def about(path: Path) -> dict[str, Any]:
    """Return a batch file's metadata without reading its rows."""
    with _whole(path):
        schema = pq.read_schema(path)
    return _about(schema, path.name)


def pieces(path: Path, rows: int) -> Iterator[pa.Table]:
    """Return a batch file piece by piece, in order, so that no more than one piece is in memory; see `decode`.

    Args:
        path: The file.
        rows: Most rows of a piece.

    Raises:
        LeptonError: If it is damaged.
    """
    with _whole(path), pq.ParquetFile(path, pre_buffer=False) as file:  # else all of it is held in the end
        for piece in file.iter_batches(batch_size=rows, use_threads=False):
            yield pa.Table.from_batches([piece], file.schema_arrow)


def count(path: Path) -> int:
    """Return how many rows a file holds, without reading them.

    Raises:
        LeptonError: If it is damaged.
    """
    with _whole(path):
        return int(pq.read_metadata(path).num_rows)


def is_empty(path: Path) -> bool:
    """Return whether a file holds no row (any more)."""
    return count(path) == 0


def features(arrow: pa.Table, name: str) -> dict[str, pa.ChunkedArray]:
    """Return the feature columns of a table's batch by name; none of images.

    Raises:
        LeptonError: If a newer lepton wrote it.
    """
    return {column: arrow[_stored(column)] for column in _about(arrow.schema, name).get("columns", ())}


def ids_in_pieces(path: Path, rows: int) -> Iterator[list[str]]:
    """Yield the ids of a batch or labels file, at most so many at a time.

    Raises:
        LeptonError: If it is damaged.
    """
    with _whole(path), pq.ParquetFile(path, pre_buffer=False) as file:
        for piece in file.iter_batches(batch_size=rows, columns=["id"], use_threads=False):
            yield piece["id"].to_pylist()


def labels_in_pieces(path: Path, rows: int) -> Iterator[pa.RecordBatch]:
    """Yield the columns id and label of a batch file, at most so many rows at a time.

    Raises:
        LeptonError: If it is damaged.
    """
    with _whole(path), pq.ParquetFile(path, pre_buffer=False) as file:
        yield from file.iter_batches(batch_size=rows, columns=["id", "label"], use_threads=False)


def ids_and_labels(path: Path) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Return two (n,) columns of a batch or labels file without reading its rows."""
    with _whole(path):
        arrow = pq.read_table(path, columns=["id", "label"], use_threads=False)
    return _objects(arrow["id"]), _objects(arrow["label"])


@contextmanager
def _whole(path: Path) -> Iterator[None]:
    """Say of a file that is no Parquet file (any more) that it is damaged."""
    try:
        yield
    except pa.ArrowInvalid as error:
        raise LeptonError(
            f"{path} is cut off, damaged or no Parquet file.",
            why=str(error).split("\n")[0],
            fix=["lepton data checkout  (fetches what data.dvc lists)"],
        ) from None


def _about(schema: pa.Schema, name: str) -> dict[str, Any]:
    raw = (schema.metadata or {}).get(METADATA)
    if raw is None:
        raise LeptonError(f"{name} was not written by lepton.", why="It lies in the data folder without our metadata.")
    value: dict[str, Any] = json.loads(raw)
    if value.get("format") not in (FORMAT, SERIES_FORMAT):
        raise LeptonError(
            f"{name} has the batch format {value.get('format')}; this lepton reads up to {SERIES_FORMAT}.",
            fix=["upgrade lepton"],
        )
    return value


def _stored(name: str) -> str:
    return f"f:{name}" if name in ("id", "label", IMAGE_TOO) or name.startswith("f:") else name


def _objects(column: pa.ChunkedArray) -> NDArray[np.object_]:
    found = np.empty(len(column), dtype=object)
    found[:] = column.to_pylist()
    return found
