"""A score goes through a batch piece by piece: killed anywhere and asked for again, it writes the same file."""

from __future__ import annotations

from datetime import datetime, tzinfo
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from lepton.core.config.workspace import Workspace
from lepton.data.store import load
from lepton.operations import score
from lepton.operations.answering import answering
from lepton.operations.session import Session
from tests.crash import SIGKILL, Plant
from tests.processes import Ended

POINTS = ("score.begun", "score.part-kept", "score.joined", "score.cleaned")
PARTS = 4
"""Of 400 rows in pieces of 128."""


class Early(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return cls(2026, 1, 1, tzinfo=tz)


class Late(Early):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return cls(2026, 2, 2, tzinfo=tz)


def early() -> None:
    """Called in a process before its command: pieces are small, and it is January."""
    score.MOST_ROWS = 128
    score.datetime = Early  # type: ignore[misc]


def late() -> None:
    """The same in February."""
    score.MOST_ROWS = 128
    score.datetime = Late  # type: ignore[misc]


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Plant:
    return Plant(tmp_path_factory.mktemp("pieces") / "plant")


@pytest.fixture
def served(plant: Plant) -> Plant:
    """A target with a champion and one batch."""
    plant.put("served")
    return plant


def scored(plant: Plant, fault: str = "", first=early, words: tuple[str, ...] = ()) -> Ended:
    return plant.lepton("score", "plant-2", *words, environ={"LEPTON_FAULT_AT": fault}, first=first)


def log(plant: Plant) -> Path:
    (found,) = (plant.root / ".lepton" / "predictions" / "plant-2").glob("*.parquet")
    return found


def kept(plant: Plant) -> list[str]:
    return sorted(path.name for path in (plant.root / ".lepton" / "work").glob("score-*/*"))


def test_a_score_in_pieces_says_what_the_champion_says_of_the_whole(served: Plant) -> None:
    ended = scored(served)
    assert ended.code == 0, ended.text
    assert ended.reached.count("score.part-kept") == PARTS
    assert pq.ParquetFile(log(served)).num_row_groups == PARTS
    assert kept(served) == []
    session = Session(Workspace(served.root))
    table, champion = load(session.ws, "plant-2"), session.load_champion("plant-2")
    by = answering(session, "plant-2", session.serving_in("plant-2"))
    chances = by.chances(champion.model, table)
    np.testing.assert_allclose(chances, champion.model.predict_proba(table), rtol=0, atol=1e-5)
    found = pd.read_parquet(log(served))
    assert found["id"].tolist() == table.ids.tolist()
    np.testing.assert_array_equal(found["confidence"], chances.max(axis=1))
    assert found["prediction"].tolist() == [champion.model.classes[k] for k in chances.argmax(axis=1)]
    assert set(found["model"]) == {champion.ref.label}
    assert set(found["scored_at"]) == {"2026-01-01T00:00:00+00:00"}


@pytest.mark.parametrize("point", POINTS)
def test_a_score_that_was_killed_writes_the_same_bytes_and_computes_no_part_again(served: Plant, point: str) -> None:
    assert scored(served).code == 0
    expected = log(served).read_bytes()
    served.put("served")
    assert scored(served, point).code == SIGKILL
    before = [name for name in kept(served) if name.endswith(".arrow")]
    again = scored(served, first=late)
    assert again.code == 0, again.text
    done = PARTS if point in ("score.joined", "score.cleaned") else len(before)
    assert again.reached.count("score.part-kept") == PARTS - done
    assert log(served).read_bytes() == expected
    assert kept(served) == []


def test_parts_of_another_champion_are_not_mixed_in(served: Plant) -> None:
    assert scored(served, "score.part-kept").code == SIGKILL
    assert len(kept(served)) == 2
    assert served.lepton("transfer", "plant-2", "-s", "none").code in (0, 3)
    assert served.lepton("promote", "plant-2", "2", "--why", "x").code == 0
    again = scored(served, first=late)
    assert again.reached.count("score.part-kept") == PARTS
    assert set(pd.read_parquet(log(served))["scored_at"]) == {"2026-02-02T00:00:00+00:00"}
    assert kept(served) == []


def test_a_part_that_a_power_cut_damaged_is_computed_again(served: Plant) -> None:
    assert scored(served, "score.part-kept").code == SIGKILL
    (part,) = (served.root / ".lepton" / "work").glob("score-*/*.arrow")
    part.write_bytes(part.read_bytes()[:64])
    again = scored(served, first=late)
    assert again.reached.count("score.part-kept") == PARTS
    assert len(pd.read_parquet(log(served))) == 400


def test_a_batch_that_is_scored_is_scored_anew_only_when_it_is_named(served: Plant) -> None:
    assert scored(served).code == 0
    before = log(served).read_bytes()
    assert "Nothing new to score" in scored(served, first=late).out
    assert log(served).read_bytes() == before
    assert scored(served, first=late, words=("--batch", "plant-2")).code == 0
    assert set(pd.read_parquet(log(served))["scored_at"]) == {"2026-02-02T00:00:00+00:00"}


def test_an_erasure_leaves_nothing_of_a_row_in_the_parts(served: Plant, tmp_path: Path) -> None:
    assert scored(served, "score.part-kept").code == SIGKILL
    gone = str(load(Workspace(served.root), "plant-2").ids[3])
    (tmp_path / "ids.txt").write_text(gone)
    ids = tmp_path / "ids.txt"
    ended = served.processes.run("-w", served.root, "data", "forget", "--ids", ids, "--why", "asked")
    assert ended.code == 0, ended.text
    assert kept(served) == []
    assert scored(served).code == 0
    assert gone not in pd.read_parquet(log(served))["id"].tolist()
