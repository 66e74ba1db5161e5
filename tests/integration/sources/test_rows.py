"""Deliveries that are rows in memory, or a stream of Arrow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest

import lepton
from lepton.core.errors import LeptonError, Refused
from lepton.operations.delivery import as_file
from tests.integration.sources.deliveries import (
    ROWS,
    everything_said,
    march,
    odd,
)


class Capsule:
    """Somebody else's table, which speaks Arrow."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.table = pa.Table.from_pandas(frame)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


class Plan(Capsule):
    """What has its rows once it is collected, as polars has it."""

    __module__ = "polars.lazyframe.frame"
    __arrow_c_stream__ = None  # type: ignore[assignment]

    def collect(self) -> Capsule:
        found = Capsule.__new__(Capsule)
        found.table = self.table
        return found


@pytest.mark.parametrize(
    "made",
    [
        pa.Table.from_pandas,
        lambda frame: pa.Table.from_pandas(frame).to_reader(max_chunksize=7),
        lambda frame: pa.dataset.dataset(pa.Table.from_pandas(frame)),
        Capsule,
        Plan,
    ],
    ids=["table", "reader", "dataset", "capsule", "lazy"],
)
def test_rows_of_every_make_are_one_and_the_same_delivery(
    ws: lepton.Workspace, made: Callable[[pd.DataFrame], Any]
) -> None:
    taken = ws.ingest("here", made(march()), dry_run=True)
    assert taken.rows == ROWS
    with as_file(march()) as path, as_file(made(march())) as other:
        assert pq.read_table(path).equals(pq.read_table(other))


def test_a_stream_is_written_piece_by_piece_however_it_comes_and_never_beyond_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = 0

    def batches(count: int) -> Iterator[pa.RecordBatch]:
        nonlocal given
        for number in range(count):
            given = number + 1
            yield pa.RecordBatch.from_pydict({"a": pa.array(range(7000))})

    schema = pa.schema({"a": pa.int64()})
    with as_file(pa.RecordBatchReader.from_batches(schema, batches(9))) as path:
        assert pq.ParquetFile(path).num_row_groups == 4
        assert pq.read_metadata(path).num_rows == 63_000
    monkeypatch.setenv("LEPTON_LIMITS__MAX_ROWS", "50000")
    with (
        pytest.raises(LeptonError, match="rows, more than is allowed"),
        as_file(pa.RecordBatchReader.from_batches(schema, batches(100_000))),
    ):
        pass
    assert given < 12


def test_a_refusal_of_rows_in_memory_says_what_to_call_again(ws: lepton.Workspace) -> None:
    with pytest.raises(Refused) as caught:
        ws.ingest("here", odd(), name="march")
    said = everything_said(ws, caught.value)
    assert 'ws.ingest("here", rows)' in said
    assert "Delivered:  a DataFrame" in said
    assert "lepton-delivery-" not in said
