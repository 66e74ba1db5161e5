"""Rows that must leave: which are meant, and what is left of a file."""

import numpy as np
import pytest

from lepton.contract.erasure import naming
from lepton.core.config.workspace import Workspace
from lepton.core.errors import NotFound, UsageError
from lepton.data import batchfile, store
from lepton.data.erase import (
    Asked,
    begin,
    check_none_unfinished,
    end,
    erase_from_log,
    find,
    read_ids,
    rewrite,
    unfinished,
)
from tests.unit.factories import columns, images, names

HASH = "0123456789abcdef"


@pytest.fixture
def ws(tmp_path):
    (tmp_path / "lepton.yaml").write_text("name: t\nkind: image\nsource: here\n")
    return Workspace(tmp_path)


def asked(*ids):
    return Asked(frozenset(ids))


def test_an_id_means_itself_and_a_content_hash_every_row_of_that_content():
    assert asked("a").which("a") == "a"
    assert asked("a").which("ab") is None
    assert asked(HASH).which(f"{HASH}~one~0") == HASH
    assert asked(f"{HASH}~one~0").which(f"{HASH}~one~1") is None
    assert asked("site7").which("site7~0") is None, "an id that somebody gave is never cut"


def test_a_file_of_ids_has_an_id_a_line_and_maybe_a_heading(tmp_path):
    path = tmp_path / "ids.txt"
    path.write_bytes("\ufeffid\r\n a \r\n\r\nb,1\r\na\r\n".encode())
    assert read_ids(path).ids == {"a", "b,1"}
    path.write_text("id\n")
    with pytest.raises(UsageError, match="names no id"):
        read_ids(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="no text file"):
        read_ids(path)
    with pytest.raises(NotFound):
        read_ids(tmp_path / "none.txt")


@pytest.mark.parametrize("rows", [images, columns], ids=["image", "tabular"])
def test_the_rows_are_gone_and_the_others_are_as_they_were(ws, rows):
    table = rows(9)
    store.write_batch(ws, "here", "one", table)
    store.write_labels(ws, "here", "late", table.ids[:3], names(["c2"] * 3))
    before = store.load(ws, "here")
    gone = set(table.ids[[1, 7]])
    assert find(ws, "here", asked(*gone, "nobody")).batches == {"one": 2}
    assert find(ws, "here", asked(*gone)).labels == {"late": 1}
    assert len(rewrite(ws, "here", asked(*gone))) == 2
    keep = [k for k in range(9) if k not in (1, 7)]
    assert store.load(ws, "here").content_digest() == before.take(np.array(keep)).content_digest()
    assert not find(ws, "here", asked(*gone)).rows
    assert rewrite(ws, "here", asked(*gone)) == []


@pytest.mark.parametrize("rows", [images, columns], ids=["image", "tabular"])
def test_a_batch_without_rows_keeps_its_place_and_is_no_window(ws, rows):
    first, second = rows(4, seed=1), rows(5, seed=2)
    store.write_batch(ws, "here", "one", first)
    store.write_batch(ws, "here", "two", second)
    rewrite(ws, "here", asked(*first.ids))
    assert store.batches(ws, "here") == ["two"]
    assert list(store.batch_files(ws, "here")) == ["one", "two"]
    assert store.load(ws, "here", ["one", "two"]).content_digest() == second.content_digest()
    assert len(store.load(ws, "here", ["one"])) == 0
    assert store.counts(ws, "here", ["one"]) == (0, 0)
    assert store.write_batch(ws, "here", "three", rows(3, seed=3)).name.startswith("0003-")


def test_the_digest_of_the_delivery_stays_so_that_it_is_known_again(ws):
    table = columns(6)
    path = store.write_batch(ws, "here", "one", table)
    content = batchfile.about(path)["content"]
    for row_id in table.ids[:2]:
        rewrite(ws, "here", asked(row_id))
    about = batchfile.about(path)
    assert (about["content"], about["rows"], about["erased"]) == (content, 4, 2)


def test_predictions_lose_the_rows_too(tmp_path):
    import pandas as pd

    log = pd.DataFrame({"id": ["a", "b", "c"], "prediction": ["x", "y", "x"], "confidence": [0.5, 0.75, 1.0]})
    log.to_parquet(tmp_path / "one.v1.parquet", index=False)
    assert erase_from_log(tmp_path, asked("b", "z"), dry_run=True) == (1, {"b"})
    assert erase_from_log(tmp_path, asked("b", "z"), dry_run=False) == (1, {"b"})
    left = pd.read_parquet(tmp_path / "one.v1.parquet")
    pd.testing.assert_frame_equal(left, log.drop(1).reset_index(drop=True))


def test_the_journal_is_for_the_user_alone_and_leaves_nothing(ws):
    begin(ws, {"asked": ["a"]})
    folder = ws.state_dir / "erasure"
    assert folder.stat().st_mode & 0o077 == 0
    assert unfinished(ws) == {"asked": ["a"]}
    with pytest.raises(Exception, match="was interrupted"):
        check_none_unfinished(ws)
    end(ws)
    assert unfinished(ws) is None
    assert not folder.exists()
    check_none_unfinished(ws)


def test_a_reason_names_an_id_only_as_a_whole_word():
    assert naming(["id  given twice: 'a1', 'b2' (rows 1, 2)"], {"b2"})
    assert not naming(["id  given twice: 'a1~one~0' (rows 1, 2)"], {"a1", "one", "a"})
