"""Rows in memory, or that come as a stream: pandas, pyarrow, polars, DuckDB, and whatever else speaks Arrow."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from lepton.core.config.limits import LimitsConfig
from lepton.core.errors import LeptonError
from lepton.core.extras import require
from lepton.data.sources.origin import Origin


@runtime_checkable
class ArrowStream(Protocol):
    """What hands over its rows by the Arrow PyCapsule interface: tables of pyarrow and polars, results of DuckDB."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return a capsule that holds the stream."""


@runtime_checkable
class Scannable(Protocol):
    """What pyarrow reads piece by piece: a data set, as of many files."""

    schema: Any

    def scanner(self, *, batch_size: int) -> Any:
        """Return what reads it, so many rows at a time."""


@runtime_checkable
class Lazy(Protocol):
    """A plan of polars; its rows are there once it is collected."""

    def collect(self) -> ArrowStream:
        """Work it out."""


def is_rows(given: object) -> bool:
    """Return whether these are rows, in memory or as a stream."""
    return isinstance(given, ArrowStream | Scannable) or _is_lazy(given)


def origin(given: object) -> Origin:
    """Return what such rows are called."""
    return Origin(f"a {type(given).__name__}")


def write_rows(given: object, folder: Path, name: str | None, limits: LimitsConfig) -> Path:
    """Write rows to a Parquet file in an empty folder.

    Args:
        given: What `is_rows`. A named index of a pandas frame becomes a column, one without a name is dropped. A stream
            can be read once only.
        folder: Where it is put.
        name: Of the file without its suffix; by default made from the rows, so that the same rows have the same name.
        limits: How large it may be.

    Raises:
        LeptonError: If a column is nothing that Arrow or Parquet can hold, or it is larger than allowed.
    """
    require("pyarrow")
    import pyarrow as pa

    from lepton.data.sources import rows

    called, goal = origin(given).text, folder / "rows.parquet"
    try:
        stream = _stream(given)
        rows.write(_pieces(stream, rows.rows_at_once(len(stream.schema))), goal, called, limits)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        why = str(error).split("\n")[0].partition(" Detail: ")[0]
        raise LeptonError(f"The rows of {called} broke off.", why=why, fix=["make them again"]) from None
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise LeptonError(
            f"The rows of {called} are no table of plain columns.",
            why=": ".join(str(one).split("\n")[0] for one in reversed(error.args)),
            fix=["give each column one type of values, and a name of its own"],
        ) from None
    return goal.rename(folder / f"{name or f'rows-{rows.digest(goal)}'}.parquet")


def _is_lazy(given: object) -> bool:
    return type(given).__module__.partition(".")[0] == "polars" and isinstance(given, Lazy)


def _stream(given: object) -> Any:
    """Return a `pyarrow.RecordBatchReader` of the rows."""
    import pandas as pd
    import pyarrow as pa

    from lepton.data.sources.rows import rows_at_once

    if isinstance(given, pd.DataFrame):  # speaks Arrow itself, but keeps an index without a name
        named = any(name is not None for name in given.index.names)
        return pa.Table.from_pandas(given.reset_index() if named else given, preserve_index=False).to_reader()
    if isinstance(given, Scannable):
        return given.scanner(batch_size=rows_at_once(len(given.schema))).to_reader()
    return pa.RecordBatchReader.from_stream(given.collect() if isinstance(given, Lazy) else given)


def _pieces(stream: Any, rows: int) -> Iterator[Any]:
    """Yield tables of exactly so many rows, whatever batches come, but for the last; one without a row if none has."""
    import pyarrow as pa

    from lepton.data.batchfile import even

    schema = pa.schema([field.with_type(_plain(field.type)) for field in stream.schema], stream.schema.metadata)
    told = False
    for table in even((pa.Table.from_batches([batch]) for batch in stream), rows):
        yield table.cast(schema).combine_chunks()
        told = True
    if not told:
        yield schema.empty_table()


def _plain(kind: Any) -> Any:
    """Return text and bytes in the form that every reader knows; other types stay what they are."""
    import pyarrow as pa

    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind):
        return pa.binary()
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.list_(_plain(kind.value_type))
    if pa.types.is_dictionary(kind):
        return pa.dictionary(kind.index_type, _plain(kind.value_type), kind.ordered)
    return kind
