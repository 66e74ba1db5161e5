"""A delivery of many rows is taken in some at a time, and becomes what it would be in one piece."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lepton.contract.file import load_contract, save_contract
from lepton.contract.infer import infer
from lepton.contract.ingest import finished, ingest
from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError, Refused
from lepton.data import batchfile, store
from lepton.data.readers import csv, parquet, read_delivery, text_stream

N = 300
PIECE = 40
"""Rows of a piece of Parquet here; those of CSV have about as many."""


def rows(seed=0, n=N):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.uniform(18, 80, n).round(3),
            "colour": rng.choice(["red", "white"], n),
            "label": [("yes", "no")[k % 2] for k in range(n)],
        }
    )
    return pd.concat([frame[: n - n // 10], frame[: n // 10]], ignore_index=True)  # some rows occur twice


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    root = tmp_path_factory.mktemp("template") / "ws"
    root.mkdir()
    (root / "lepton.yaml").write_text("name: t\nkind: tabular\nsource: here\n")
    ws = Workspace(root)
    path = root.parent / "first.csv"
    rows().to_csv(path, index=False)
    save_contract(ws, infer(read_delivery(path, label="label"), "here", "source"))
    ingest(ws, "here", path)
    finished(ws, "here", "first")
    return root


@pytest.fixture
def ws(template, tmp_path):
    shutil.copytree(template, tmp_path / "ws", symlinks=True)
    return Workspace(tmp_path / "ws")


@pytest.fixture
def small(monkeypatch):
    """Make pieces of few rows, and row groups of fewer."""
    monkeypatch.setattr(parquet, "CELLS", 1)
    monkeypatch.setattr(parquet, "FEWEST", PIECE)
    monkeypatch.setattr(csv, "BLOCK", 20 * PIECE)
    monkeypatch.setattr(text_stream, "CHUNK", 64)
    monkeypatch.setattr(batchfile, "GROUP", 64)


def write(ws, name, frame):
    path = ws.root.parent / name
    if name.endswith(".parquet"):
        frame.to_parquet(path, index=False)
    elif name.endswith(".zst"):
        with pa.CompressedOutputStream(str(path), "zstd") as stream:
            stream.write(frame.to_csv(index=False).encode())
    else:
        frame.to_csv(path, index=False)
    return path


def stored(ws, domain, path, **kwargs):
    taken = ingest(ws, domain, path, **kwargs)
    finished(ws, domain, taken.batch)
    return taken, store.batch_files(ws, domain)[taken.batch]


def parts(ws, name, frame):
    """Deliver the rows as a folder of three Parquet files, one of which is empty."""
    folder = ws.root.parent / name
    folder.mkdir()
    whole = pa.Table.from_pandas(frame, preserve_index=False)
    for number, part in enumerate((whole[:100], whole[:0], whole[100:])):
        pq.write_table(part, folder / f"part-{number}.parquet")
    return folder


@pytest.mark.parametrize("deliver", ["big.csv", "big.csv.gz", "big.csv.zst", "big.parquet", "parts"])
@pytest.mark.parametrize("ids", [False, True])
def test_pieces_become_the_batch_that_the_whole_would_be(ws, template, tmp_path, monkeypatch, request, deliver, ids):
    frame = rows(1)
    if ids:
        frame = frame.assign(id=[f"r{k}" for k in range(len(frame))])
    path = parts(ws, deliver, frame) if deliver == "parts" else write(ws, deliver, frame)
    monkeypatch.setattr(batchfile, "GROUP", 64)
    other = Workspace(shutil.copytree(template, tmp_path / "other", symlinks=True))
    whole, whole_file = stored(other, "there", path, new=True)
    request.getfixturevalue("small")
    taken, file = stored(ws, "there", path, new=True)
    assert (taken.rows, taken.labelled) == (whole.rows, whole.labelled) == (N, N)
    assert file.read_bytes() == whole_file.read_bytes()
    assert pq.ParquetFile(file).num_row_groups == -(-N // 64)
    assert len(set(batchfile.ids_and_labels(file)[0])) == N
    assert not (ws.work_dir / "staged").exists()


def test_the_contract_of_a_new_target_allows_what_any_piece_holds(ws, small):
    frame = rows(2)
    frame.loc[N - 1, ["age", "colour"]] = [9_999, "green"]
    stored(ws, "there", write(ws, "there.csv", frame), new=True)
    age, colour = load_contract(ws, "there").columns
    assert age.max >= 9_999
    assert "green" in colour.values


@pytest.mark.parametrize("name", ["odd.csv", "odd.parquet"])
def test_a_breach_in_a_late_piece_is_told_with_its_rows(ws, small, name):
    frame = rows(3)
    frame.loc[[250, 280], "colour"] = "green"
    with pytest.raises(Refused) as caught:
        ingest(ws, "here", write(ws, name, frame))
    assert "value not allowed: 'green'; allowed: red, white (rows 251, 281)" in caught.value.why


def test_an_id_that_two_pieces_hold_is_told_with_both_rows(ws, small):
    frame = rows(3).assign(id=[f"r{k}" for k in range(N)])
    frame.loc[280, "id"] = "r5"
    with pytest.raises(Refused) as caught:
        ingest(ws, "here", write(ws, "twice.parquet", frame))
    assert "the same id more than once: 'r5' (rows 6, 281)" in caught.value.why


def test_the_share_of_rows_that_may_break_a_rule_is_that_of_all_rows(ws, small):
    save_contract(ws, load_contract(ws, "here").model_copy(update={"mostly": 0.99}))
    frame = rows(4)
    frame.loc[:2, "age"] = 1e6  # 3 of 300, all in one piece of 40
    taken, file = stored(ws, "here", write(ws, "some.parquet", frame))
    assert (taken.set_aside, taken.rows) == (3, N - 3)
    assert batchfile.about(file)["rows"] == batchfile.count(file) == N - 3
    aside = pd.read_csv(ws.quarantine_dir / "here" / "some.parquet.rows.csv")
    assert list(aside["age"]) == [1e6] * 3


def test_a_value_that_cannot_be_read_says_how_many_rows_came_before(ws, small):
    frame = rows(5).assign(age=[str(2**60 + 1) if k == 290 else str(k) for k in range(N)])
    with pytest.raises(LeptonError) as caught:
        ingest(ws, "here", write(ws, "exact.csv", frame))
    assert "would be rounded" in caught.value.what
    assert "Rows are counted here from the one after row 2" in caught.value.why
    assert not (ws.work_dir / "staged").exists()


def test_an_export_of_all_so_far_is_known_in_pieces(ws, small):
    first, more = rows(6), rows(7)
    stored(ws, "there", write(ws, "first.parquet", first), new=True)
    taken, _ = stored(ws, "there", write(ws, "all.parquet", pd.concat([first, more])))
    assert (taken.repeated, taken.rows) == (N, N)
    with pytest.raises(LeptonError, match="already delivered as batch all and first"):
        ingest(ws, "there", write(ws, "again.csv", pd.concat([more, first])))


def test_a_batch_that_was_erased_whole_is_no_hindrance(ws, small):
    frame = rows(9).assign(id=[f"r{k}" for k in range(N)])
    _, file = stored(ws, "there", write(ws, "gone.parquet", frame), new=True)
    batchfile.write(file, [batchfile.without(file, np.ones(N, dtype=bool))])
    taken, _ = stored(ws, "there", write(ws, "next.parquet", rows(10).assign(id=[f"s{k}" for k in range(N)])))
    assert taken.rows == N


def test_what_a_killed_ingest_left_of_its_reading_is_removed(ws, small):
    left = ws.work_dir / "staged" / "000000.parquet"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    _, file = stored(ws, "there", write(ws, "a.parquet", rows(8)), new=True)
    assert len(batchfile.read(file)) == N
    assert not left.exists()


def test_a_gap_between_pieces_is_none(ws, small, tmp_path):
    """An empty part is no end, and a folder of empty parts has no rows."""
    folder = tmp_path / "empty"
    folder.mkdir()
    rows()[:0].to_parquet(folder / "a.parquet", index=False)
    with pytest.raises(LeptonError, match="has columns but no rows"):
        ingest(ws, "here", Path(folder))
