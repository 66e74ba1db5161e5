"""Batches on disk: exact round trips, immutable, in the order of delivery, with the latest labels."""

import numpy as np
import pandas as pd
import pytest

from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError, NotFound
from lepton.core.splits import split_of
from lepton.core.table import Table, concat
from lepton.data import batchfile, ids, store


@pytest.fixture
def ws(tmp_path):
    return Workspace(tmp_path)


def images(n=5, seed=0, dtype=np.uint8, prefix="r"):
    rng = np.random.default_rng(seed)
    labels = np.array([None if k == 1 else str(k % 3) for k in range(n)], dtype=object)
    pixels = rng.integers(0, 256, (n, 2, 3, 4)).astype(dtype)
    return Table(kind="image", ids=np.array([f"{prefix}{k}" for k in range(n)], object), labels=labels, images=pixels)


def rows(n=4):
    frame = pd.DataFrame(
        {
            "id": pd.Series([1.0, np.nan, np.inf, -0.0]),
            "ünï code $x": pd.Series(["a", None, "", "d"], dtype=object),
            "f:odd": pd.Series([1.0, 2.0, 3.0, 4.0]),
        }
    )
    return Table(
        kind="tabular", ids=np.array(list("abcd"), object), labels=np.array(["x", None, "y", "x"], object), frame=frame
    )


@pytest.mark.parametrize("table", [images(), images(dtype=np.float32), rows()], ids=["uint8", "float32", "tabular"])
def test_a_batch_reads_back_exactly(ws, table):
    store.write_batch(ws, "d", "one", table)
    assert store.load(ws, "d").content_digest() == table.content_digest()


def test_equal_tables_give_equal_bytes(ws, tmp_path):
    first = store.write_batch(ws, "a", "one", images()).read_bytes()
    assert store.write_batch(ws, "b", "one", images()).read_bytes() == first


def test_a_batch_is_never_overwritten(ws):
    path = store.write_batch(ws, "d", "one", images())
    before = path.read_bytes()
    with pytest.raises(LeptonError, match="never overwritten"):
        store.write_batch(ws, "d", "one", images(seed=1))
    assert path.read_bytes() == before


def test_batches_keep_the_order_of_delivery_beyond_the_alphabet(ws):
    names = ["zulu", "alpha", "mike", *[f"w{k}" for k in range(12)]]
    for k, name in enumerate(names):
        store.write_batch(ws, "d", name, images(n=1, seed=k, prefix=name))
    assert store.batches(ws, "d") == names
    assert [row_id[:-1] for row_id in store.load(ws, "d").ids] == names


def test_chosen_batches_come_in_the_order_of_delivery(ws):
    for k, name in enumerate(["b", "a", "c"]):
        store.write_batch(ws, "d", name, images(n=1, seed=k, prefix=name))
    assert list(store.load(ws, "d", ["c", "b"]).ids) == ["b0", "c0"]


def test_later_labels_override_and_fill(ws):
    store.write_batch(ws, "d", "one", images())
    store.write_labels(ws, "d", "l1", np.array(["r0", "r1"], object), np.array(["9", "8"], object))
    store.write_labels(ws, "d", "l2", np.array(["r0"], object), np.array(["7"], object))
    assert list(store.load(ws, "d").labels) == ["7", "8", "2", "0", "1"]
    assert store.counts(ws, "d") == (5, 5)
    assert store.batches(ws, "d") == ["one"]


def test_an_interrupted_write_leaves_nothing_that_counts(ws, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(batchfile, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.write_batch(ws, "d", "one", images())
    assert list((ws.data_dir / "d").iterdir()) == []


def test_leftovers_of_a_killed_write_do_not_count_and_go_with_the_next(ws):
    (ws.data_dir / "d").mkdir(parents=True)
    leftover = ws.data_dir / "d" / ".part-x"
    leftover.write_bytes(b"half")
    assert store.batches(ws, "d") == []
    store.write_batch(ws, "d", "one", images())
    assert not leftover.exists()


def test_no_data_and_unknown_batches_are_said(ws):
    with pytest.raises(NotFound, match="no data yet"):
        store.load(ws, "d")
    store.write_batch(ws, "d", "one", images())
    with pytest.raises(NotFound, match="no batch 'two'"):
        store.load(ws, "d", ["two"])


def test_batches_with_other_columns_are_not_joined_with_gaps(ws):
    table = rows()
    store.write_batch(ws, "d", "one", table)
    fewer = table.frame.drop(columns="f:odd").assign(even=1.0)
    store.write_batch(ws, "d", "two", Table("tabular", np.array(list("efgh"), object), table.labels, frame=fewer))
    with pytest.raises(LeptonError, match="different columns") as error:
        store.load(ws, "d")
    assert "'even', 'f:odd'" in error.value.render()
    assert len(store.load(ws, "d", ["one"])) == 4


def test_the_order_of_columns_is_no_difference_but_images_and_columns_are():
    table = rows()
    turned = Table("tabular", table.ids, table.labels, frame=table.frame[table.frame.columns[::-1]])
    pd.testing.assert_frame_equal(concat([table, turned]).frame[4:].reset_index(drop=True), table.frame)
    with pytest.raises(LeptonError, match="cannot be joined"):
        concat([images(), table])


def test_ids_know_their_batch(ws):
    store.write_batch(ws, "d", "one", images(n=2))
    assert store.ids_of(ws, "d") == {"r0", "r1"}
    assert store.batch_of(ws, "d")["r1"] == "one"


def test_a_newer_format_is_refused(tmp_path):
    arrow = batchfile.encode(images())
    raw = arrow.schema.metadata[batchfile.METADATA].replace(b'"format": 1', b'"format": 99')
    batchfile.write(tmp_path / "x.parquet", [arrow.replace_schema_metadata({batchfile.METADATA: raw})])
    with pytest.raises(LeptonError, match="format 99"):
        batchfile.read(tmp_path / "x.parquet")


def test_content_hashes_ignore_labels_column_order_and_the_sign_of_zero():
    table = rows()
    frame = table.frame[table.frame.columns[::-1]].copy()
    frame.loc[3, "id"] = 0.0
    other = Table(kind="tabular", ids=table.ids, labels=table.labels[::-1], frame=frame)
    assert list(ids.content_hashes(table)) == list(ids.content_hashes(other))


def test_rows_of_equal_content_share_a_split_across_batches():
    hashes = ids.content_keys(images(n=200))
    first, second = split_of(ids.derive(hashes, "one")), split_of(ids.derive(hashes, "two"))
    assert (first == second).all()
    assert len(set(first)) == 3


def test_a_shuffled_batch_has_the_same_digest():
    hashes = ids.content_keys(images(n=20))
    assert ids.batch_digest(hashes) == ids.batch_digest(hashes[::-1])
    assert ids.batch_digest(hashes) != ids.batch_digest(hashes[:-1])
