"""A target that the gate let nothing through for is answered by the base, marked as not verified there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import lepton as api
from lepton.core.config.workspace import Workspace
from lepton.core.ledger import Ledger
from lepton.core.ledger.rows import Refused
from tests.conftest import Answer, make_plant

Cli = Callable[..., Answer]


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEPTON_PRETRAIN__EPOCHS", "4")
    monkeypatch.delenv("LEPTON_WORKSPACE", raising=False)


def refused(root: Path, rows: pd.DataFrame) -> api.Workspace:
    """Return a workspace whose only target has had a transfer that the gate refused."""
    ws = api.init(root, make_plant(800, 0.0, 1), source="plant-1", progress=False)
    ws.ingest("plant-1", make_plant(800, 0.0, 1), name="first")
    ws.pretrain()
    ws.ingest("plant-2", rows, name="first", new=True)
    assert ws.transfer("plant-2", strategies=["bn"]).outcome == "refused"
    return ws


def test_the_base_answers_until_a_model_is_promoted(tmp_path: Path, lepton: Cli) -> None:
    ws = refused(tmp_path / "shop", make_plant(40, 0.1, 2, labelled=False))
    base = ws.champion("plant-1").model
    serving = ws.champion("plant-2")
    assert (serving.model, serving.provisional, serving.accuracy) == (base, True, None)
    assert len(serving.predict(make_plant(5, 0.1, 3, labelled=False))) == 5
    pair = ws.status("plant-2").pairs[0]
    assert (pair.state, pair.champion, pair.model) == ("provisional", f"base v{base.version}", None)
    row = Ledger(Workspace(ws.root).ledger_url).last_row("plant-1-to-plant-2", Refused)
    assert row is not None
    assert row.row.provisional == base

    told = lepton("-w", ws.root, "score", "plant-2", "--local")
    assert told.code == 0
    assert "is the un-adapted base: nobody verified it on 'plant-2'" in told.text
    (file,) = (ws.root / ".lepton" / "predictions" / "plant-2").glob("*.parquet")
    assert file.name == f"first.base-v{base.version}.parquet"
    assert pd.read_parquet(file)["provisional"].all()
    assert "not verified here" in lepton("-w", ws.root, "status").text

    ws.promote("plant-2", "1", why="looked at it")
    assert not ws.champion("plant-2").provisional
    assert ws.status("plant-2").pairs[0].state == "stable"
    ws.score("plant-2")
    scored = ws.root / ".lepton" / "predictions" / "plant-2" / "first.v1.parquet"
    assert not pd.read_parquet(scored)["provisional"].any()


def test_a_policy_may_leave_a_target_without_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lepton: Cli
) -> None:
    monkeypatch.setenv("LEPTON_TRANSFER__PROVISIONAL", "no")
    ws = refused(tmp_path / "shop", make_plant(40, 0.1, 2, labelled=False))
    with pytest.raises(api.LeptonError, match="No model serves 'plant-2' yet"):
        ws.champion("plant-2")
    assert json.loads(lepton("-w", ws.root, "status", "--json").out)["pairs"][0]["state"] == "no champion"


def test_a_base_that_labels_show_to_be_useless_does_not_answer(tmp_path: Path) -> None:
    rows = make_plant(40, 0.1, 2)
    rows["label"] = rows["label"].map({"good": "bad", "bad": "good"})
    ws = refused(tmp_path / "shop", rows)
    with pytest.raises(api.LeptonError, match="No model serves 'plant-2' yet"):
        ws.champion("plant-2")


def test_the_base_that_was_looked_at_answers_not_a_newer_one_and_not_once_it_is_recalled(tmp_path: Path) -> None:
    ws = refused(tmp_path / "shop", make_plant(40, 0.1, 2, labelled=False))
    first = ws.champion("plant-2").model
    ws.ingest("plant-1", make_plant(400, 0.0, 9), name="second")
    ws.pretrain()
    ws.promote("plant-1", "2", why="newer")
    assert ws.champion("plant-1").model != first
    assert ws.champion("plant-2").model == first
    ws.recall("plant-1@1", why="a broken sensor")
    with pytest.raises(api.LeptonError, match="No model serves 'plant-2' yet"):
        ws.champion("plant-2")
    assert ws.status("plant-2").pairs[0].state == "no champion"
