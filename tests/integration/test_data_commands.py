"""`lepton data ...` as it is typed: what each says it did, and that it did it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Answer, make_plant


def ran(lepton: Any, *words: object, cwd: Path, code: int = 0) -> Answer:
    """Run a command that ends as expected."""
    done: Answer = lepton(*words, cwd=cwd)
    assert done.code == code, done.text
    return done


@pytest.fixture
def ws(lepton: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace below git, with two batches of its source."""
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "ada")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "ada@example.org")
    for name, seed in (("first", 1), ("second", 2)):
        make_plant(60, 0.0, seed).assign(id=[f"{name}-{k}" for k in range(60)]).to_csv(
            tmp_path / f"{name}.csv", index=False
        )
    root = tmp_path / "ws"
    ran(lepton, "init", root, "--from", tmp_path / "first.csv", "--source", "plant-1", "--id", "id", cwd=tmp_path)
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    for name in ("first", "second"):
        ran(lepton, "ingest", "plant-1", tmp_path / f"{name}.csv", "--local", cwd=root)
    return root


def test_the_history_of_a_domain_and_what_changed(lepton: Any, ws: Path) -> None:
    said = ran(lepton, "data", "log", "plant-1", cwd=ws).out
    assert said.index("first") < said.index("second")
    events = json.loads(ran(lepton, "data", "log", "plant-1", "--json", cwd=ws).out)
    assert [event["what"] for event in events if event["kind"] != "initialised"][-2:] == ["first", "second"]
    changed = ran(lepton, "data", "diff", "plant-1/first", "plant-1", "--rows", cwd=ws).out
    assert "batches added       1: second" in changed
    assert "second-59" in changed
    assert json.loads(ran(lepton, "data", "diff", "plant-1/first", "plant-1", "--json", cwd=ws).out)


def test_lost_files_come_back_and_past_states_go_elsewhere(lepton: Any, ws: Path, tmp_path: Path) -> None:
    assert "is there, whole" in ran(lepton, "data", "checkout", cwd=ws).out
    lost = next((ws / "data" / "plant-1").glob("*second*.parquet"))
    kept = lost.read_bytes()
    lost.unlink()
    assert "Would bring back" in ran(lepton, "data", "checkout", "--dry-run", cwd=ws).out
    assert not lost.exists()
    assert "Brought back" in ran(lepton, "data", "checkout", cwd=ws).out
    assert lost.read_bytes() == kept
    past = tmp_path / "past"
    words = ("data", "checkout", "plant-1", "--at", "first", "--into", past)
    assert "Would write" in ran(lepton, *words, "--dry-run", cwd=ws).out
    assert not past.exists()
    assert "1 files" in ran(lepton, *words, cwd=ws).out
    assert len(list(past.rglob("*.parquet"))) == 1
    assert ran(lepton, "data", "checkout", "--into", past, cwd=ws, code=2)
    assert (
        "lepton data checkout DOMAIN --at first"
        in ran(lepton, "data", "checkout", "--at", "first", cwd=ws, code=2).text
    )


def test_the_pointer_is_committed_and_old_states_are_removed(lepton: Any, ws: Path) -> None:
    assert "Would commit" in ran(lepton, "data", "publish", "--dry-run", cwd=ws).out
    assert "Committed" in ran(lepton, "data", "publish", "-m", "two batches", cwd=ws).out
    assert "Nothing to publish" in ran(lepton, "data", "publish", cwd=ws).out
    log = subprocess.run(["git", "log", "--format=%s"], cwd=ws, capture_output=True, text=True, check=True)
    assert log.stdout.splitlines()[0] == "two batches"
    assert "would remove" in ran(lepton, "data", "gc", "--keep-days", 0, "--dry-run", cwd=ws).out
    assert "removed" in ran(lepton, "data", "gc", "--keep-days", 0, cwd=ws).out
    assert json.loads(ran(lepton, "data", "gc", "--json", cwd=ws).out)
    assert "is there, whole" in ran(lepton, "data", "checkout", cwd=ws).out


def test_rows_leave(lepton: Any, ws: Path, tmp_path: Path) -> None:
    ids = tmp_path / "gone.txt"
    ids.write_text("first-3\nsecond-4\nnobody\n")
    words = ("data", "forget", "--ids", ids, "--why", "a wish")
    assert "Would erase: 2 of 3 ids" in ran(lepton, *words, "--dry-run", cwd=ws).out
    said = ran(lepton, *words, cwd=ws).out
    assert "Erased: 2 of 3 ids" in said
    assert "1 from first" in said
    assert "None of the 3 ids" in ran(lepton, *words, "--dry-run", cwd=ws, code=1).err


def test_the_demos_data_is_made_anywhere(lepton: Any, tmp_path: Path) -> None:
    assert "Would write" in ran(lepton, "data", "build", tmp_path, "--dry-run", cwd=tmp_path).out
    assert "mnist" in ran(lepton, "data", "build", tmp_path, cwd=tmp_path).out
    assert list((tmp_path / "data").rglob("*.parquet"))
    assert json.loads(ran(lepton, "data", "build", tmp_path, "--json", cwd=tmp_path).out)["clean"] is None
