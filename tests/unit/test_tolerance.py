"""A tolerance that labels cannot tell is told where a champion is settled and where settings are looked at."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

import lepton
from lepton.cli.commands.transfer import show
from lepton.core.config.workspace import Workspace
from lepton.core.decisions.observation import Observation
from lepton.core.ledger import Ledger
from lepton.core.ledger.rows import Observed, Promoted
from lepton.core.refs import ModelRef
from lepton.monitoring.reference_accuracy import on_record
from lepton.operations.doctor import examine
from lepton.operations.monitor.tolerance import remark_on, remarks
from lepton.operations.transfer.result import TransferResult
from tests.conftest import Answer

MODEL = ModelRef("lepton-plant-1-to-plant-2", "1", "d" * 64, "run")
PAIR = "plant-1-to-plant-2"
FINE = "tolerance 0.02 is below what 200 held-out rows can tell (0.04)"


@pytest.fixture
def ws(tmp_path: Path) -> Workspace:
    (tmp_path / "lepton.yaml").write_text("name: night\nkind: tabular\nsource: plant-1\n")
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "plant-2.yaml").write_text("")
    return Workspace(tmp_path)


def promote(ws: Workspace, **metrics: float) -> Ledger:
    ledger = Ledger(ws.ledger_url)
    ledger.record("user:ada", PAIR, Promoted(MODEL, evidence={"metrics": metrics}))
    return ledger


def test_too_few_labels_for_the_tolerance_are_told_and_enough_are_not(ws: Workspace) -> None:
    ledger = Ledger(ws.ledger_url)
    assert remarks(ws, ledger) == {}  # nothing serves yet
    promote(ws, accuracy=0.9, n=200)
    assert remarks(ws, ledger) == {"plant-2": FINE}
    promote(ws, accuracy=0.9, n=5000)
    assert remarks(ws, ledger) == {}


def test_a_target_is_held_against_its_own_tolerance(ws: Workspace) -> None:
    ledger = promote(ws, accuracy=0.9, n=200)
    with (ws.root / "lepton.yaml").open("a") as file:
        file.write("targets:\n  plant-2:\n    monitor: {tolerance: 0.1}\n")
    assert remarks(Workspace(ws.root), ledger) == {}


def test_a_champion_that_nobody_measured_is_held_against_what_labels_said_last(ws: Workspace) -> None:
    ledger = promote(ws)
    assert "fewer than 30 held-out rows are labelled" in remarks(ws, ledger)["plant-2"]
    seen = Observation(PAIR, "w1", "d", "old", datetime(2026, 3, 1, tzinfo=UTC), 90)
    ledger.record("user:ada", PAIR, Observed(replace(seen, realised_accuracy=0.8, labelled=90)))
    assert "labels of an earlier champion" in str(remark_on(ws, ledger, "plant-2", {}))


def test_what_is_on_record_of_a_champion_measures_it_or_does_not() -> None:
    found = on_record({"accuracy": 0.9, "n": 200})
    assert found is not None
    assert (found.rows, found.low < 0.9 < found.high) == (200, True)
    assert on_record({}) is None
    assert on_record({"accuracy": 1.0, "n": 12}) is None


def test_settings_and_the_checkup_say_so(ws: Workspace, lepton: Callable[..., Answer]) -> None:
    promote(ws, accuracy=0.8, n=200)
    told = f"plant-2: {FINE.replace('(0.04)', '(0.05)')}"
    answer = lepton("-w", ws.root, "config")
    assert answer.code == 0
    assert told in " ".join(answer.out.split())
    (setting,) = [one for one in json.loads(lepton("-w", ws.root, "config", "--json").out) if one["remark"]]
    assert (setting["key"], setting["remark"]) == ("monitor.tolerance", told)
    (finding,) = [one for one in examine(ws, mend=False) if one.what == "tolerance"]
    assert (finding.ok, finding.detail) == (True, told)


def test_settings_are_shown_even_where_the_ledger_cannot_be_read(ws: Workspace) -> None:
    promote(ws, accuracy=0.8, n=200)
    Path(ws.ledger_url.removeprefix("sqlite:///")).write_text("no database")
    assert {one.remark for one in lepton.open(ws.root).settings()} == {""}


def test_a_transfer_that_lets_a_model_serve_says_so_on_the_screen_and_in_its_answer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    done = TransferResult("promoted", "plant-2", MODEL, tolerance=FINE, next="lepton score plant-2")
    show("plant-2", done)
    assert f"tolerance      {FINE}" in capsys.readouterr().out
    assert (done.facts()["tolerance"], done.to_json()["tolerance"]) == (FINE, FINE)
