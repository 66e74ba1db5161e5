"""A batch as a stream of tables of one size: the same rows, and the same answers, bit for bit."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from lepton.data import batchfile
from lepton.data.stream import footprint, row_bytes, stream
from lepton.models.features import FeatureCache
from lepton.models.model import CHUNK
from tests.unit.factories import MAKERS, base, columns, rows


def stored(path: Path, kind: str, n: int, group: int = 1000) -> Path:
    """Write a batch file in row groups of an odd size."""
    pq.write_table(batchfile.encode(rows(kind, n, seed=3)), path, row_group_size=group)
    return path


@pytest.mark.parametrize("kind", sorted(MAKERS))
def test_pieces_are_answered_in_the_same_bits_as_the_whole(kind: str, tmp_path: Path) -> None:
    path, model = stored(tmp_path / "batch.parquet", kind, 700, group=90), base(kind)
    whole = batchfile.read(path)
    expected = model.predict_proba(whole)
    for chunks in (1, 2, 4):
        pieces = list(stream(path, chunks * CHUNK))
        assert [len(table) for _, table in pieces[:-1]] == [chunks * CHUNK] * (len(pieces) - 1)
        assert [one for ids, _ in pieces for one in ids.to_pylist()] == whole.ids.tolist()
        found = np.concatenate([model.predict_proba(table) for _, table in pieces])
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("kind", sorted(MAKERS))
def test_rows_prepared_in_pieces_are_embedded_and_answered_in_the_same_bits(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, table = base(kind), rows(kind, 700, seed=3)
    embedded, answered = model.features(table), model.predict_proba(table)
    monkeypatch.setattr("lepton.models.model.PREPARED", 2 * CHUNK)
    np.testing.assert_array_equal(model.features(table).numpy(), embedded.numpy())
    np.testing.assert_array_equal(model.predict_proba(table), answered)


def test_embeddings_larger_than_the_cache_are_not_kept(tmp_path: Path) -> None:
    model, table = base("tabular"), rows("tabular", 200, seed=3)
    FeatureCache(tmp_path, limit=1000).get(model, table)
    assert list(tmp_path.iterdir()) == []
    FeatureCache(tmp_path).get(model, table)
    assert len(list(tmp_path.iterdir())) == 1


def test_rows_that_are_skipped_are_the_first_ones(tmp_path: Path) -> None:
    path = stored(tmp_path / "batch.parquet", "tabular", 300, group=70)
    whole = [one for ids, _ in stream(path, 128) for one in ids.to_pylist()]
    assert [one for ids, _ in stream(path, 128, skip=256) for one in ids.to_pylist()] == whole[256:]
    assert list(stream(path, 128, skip=300)) == []


def test_pieces_of_any_size_become_pieces_of_one() -> None:
    odd = [pa.table({"x": list(range(at, at + n))}) for at, n in ((0, 3), (3, 0), (3, 10), (13, 1), (14, 6))]
    assert [piece["x"].to_pylist() for piece in batchfile.even(odd, 8)] == [
        [*range(8)],
        [*range(8, 16)],
        [*range(16, 20)],
    ]
    assert [piece["x"].to_pylist() for piece in batchfile.even(odd, 8, skip=5)] == [[*range(5, 13)], [*range(13, 20)]]
    assert list(batchfile.even([], 8)) == []


def test_categories_in_either_form_are_prepared_alike() -> None:
    spec = base("tabular").inputs
    table = columns(200, seed=5)
    assert table.frame is not None
    frame = table.frame.copy()
    frame.loc[3, "colour"], frame.loc[4, "colour"] = None, "never seen"
    coded = frame.assign(colour=frame["colour"].astype("category"))
    expected = spec.to_tensor(table_of(frame))
    torch.testing.assert_close(spec.to_tensor(table_of(coded)), expected, rtol=0, atol=0)
    # Values that are equal to Python and differ as text stay apart.
    for odd in ([True, 1, 1.0, "red"] * 50, [np.nan, None, "red", 0.0] * 50):
        mixed = frame.assign(colour=pd.Series(odd, dtype=object))
        spelled = frame.assign(colour=pd.Series([None if pd.isna(v) else str(v) for v in odd], dtype=object))
        torch.testing.assert_close(spec.to_tensor(table_of(mixed)), spec.to_tensor(table_of(spelled)), rtol=0, atol=0)


def table_of(frame: pd.DataFrame):
    whole = columns(len(frame))
    return type(whole)("tabular", whole.ids, whole.labels, frame=frame)


def test_numbers_as_text_are_read_as_numbers_in_either_form() -> None:
    spec, table = base("tabular").inputs, columns(20)
    assert table.frame is not None
    texts = table.frame.assign(size=table.frame["size"].map(repr))
    coded = texts.assign(size=texts["size"].astype("category"))
    for frame in (texts, coded):
        torch.testing.assert_close(spec.to_tensor(table_of(frame)), spec.to_tensor(table), rtol=0, atol=0)


def test_other_rows_have_another_footprint(tmp_path: Path) -> None:
    one = stored(tmp_path / "one.parquet", "tabular", 300)
    two = stored(tmp_path / "two.parquet", "tabular", 299)
    again = tmp_path / "again.parquet"
    again.write_bytes(one.read_bytes())
    os.utime(again, (0, 0))
    assert footprint(one) == footprint(again) != footprint(two)
    assert 20 < row_bytes(one) < 200
