"""What somebody reads who was woken up: values before and now, an interval without a number, links that open."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lepton.cli.commands import monitor as page
from lepton.contract.quarantine import content_digest, quarantine
from lepton.core.config.workspace import Workspace
from lepton.core.decisions.memory import Decision, State
from lepton.core.decisions.observation import Observation
from lepton.core.decisions.vigil import Look, Word
from lepton.core.errors import LeptonError
from lepton.core.ledger import Ledger
from lepton.core.ledger.rows import DeliveryRefused, Promoted
from lepton.core.refs import ModelRef
from lepton.monitoring.aspects import Column
from lepton.monitoring.messages import compose
from lepton.monitoring.movement import FEW, means_of, moved_most, share_of
from lepton.operations.machinery import tell
from lepton.operations.monitor.alerts import surroundings
from lepton.operations.monitor.refusals import tell_refusals
from lepton.operations.runtime import InProcess
from lepton.operations.session import Session

PAIR = "plant-1-to-plant-2"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SEEN = Observation(
    *(PAIR, "w5", "d", "model v1", NOW, 500),
    scores={"inputs": 4.0},
    columns={"inputs: city": 4.0, "label mix: shares of the classes": 2.0, "inputs: age": 1.5},
    moved={"inputs: age": (41.0, 63.0)},
    shares={"inputs: city": ("Paris", 0.1, 0.62), "label mix: shares of the classes": ("yes", 0.47, 0.03)},
    expected_accuracy=0.9,
    estimated_low=0.31,
    estimated_high=0.93,
)
UNKNOWN = Decision("alert", "drift", State(phase="drifted", since="w4"), "open", harm="unknown")


def column(before: list[str | None], now: list[str | None]) -> Column:
    return Column("inputs: city", "inputs", "category", np.array(before, dtype=object), np.array(now, dtype=object))


def test_categories_and_the_mix_of_the_classes_have_their_shares_before_and_now() -> None:
    (alert,) = compose(SEEN, UNKNOWN, "plant-2")
    assert (
        "What moved: inputs: city 'Paris' 10% -> 62% (4.0), label mix: shares of the classes 'yes' 47% -> 3% (2.0),"
        " inputs: age 41 -> 63 (1.5)"
    ) in alert.body


def test_where_only_the_interval_is_known_it_is_told() -> None:
    (alert,) = compose(SEEN, UNKNOWN, "plant-2")
    assert "Accuracy: not known, probably between 0.310 and 0.930; 0.900 without drift" in alert.body
    assert page.accuracy(SEEN) == "not known (0.310-0.930)"
    assert page.accuracy(replace(SEEN, estimated_low=None)) is None


def test_the_category_that_moved_most_is_named_with_its_shares() -> None:
    found = share_of(column(["Rome"] * 90 + ["Paris"] * 10, ["Rome"] * 20 + ["Paris"] * 30))
    assert found == ("Paris", 0.1, 0.6)  # what came, rather than what went
    assert share_of(column(["a"] * 9 + [None], [None] * 5)) == ("no value", 0.1, 1.0)
    assert share_of(column([], ["a"])) is None


def test_what_few_rows_hold_is_not_named_for_the_ledger_cannot_forget() -> None:
    rare = ["a"] * 20 + ["Mrs Smith, room 7"] * (FEW - 1)
    assert share_of(column(rare, ["Mrs Smith, room 7"] * 9 + ["never seen before"] * 9)) == ("others", 4 / 24, 1.0)


def test_numbers_have_means_and_no_shares() -> None:
    found = Column("inputs: age", "inputs", "number", np.array([1.0, np.nan, 3.0]), np.array([5.0]))
    assert (means_of(found), share_of(found)) == ((2.0, 5.0), None)
    assert (means_of(column(["a"], ["b"])), moved_most({}, {})) == (None, None)


def test_shares_are_read_back_from_a_row_and_rows_without_any_are_written_as_before() -> None:
    assert Observation.from_json(json.loads(json.dumps(SEEN.to_json()))) == SEEN
    assert "shares" not in replace(SEEN, shares={}).to_json()


@pytest.fixture
def ws(tmp_path: Path) -> Workspace:
    (tmp_path / "lepton.yaml").write_text(
        "name: night\nkind: tabular\nsource: plant-1\nalerts:\n  base_url: https://ops.example.org/shop/\n"
    )
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "plant-2.yaml").write_text("")
    return Workspace(tmp_path)


def alerts(ws: Workspace) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ws.alerts_file.read_text().splitlines()]


def test_alerts_base_url_is_the_address_of_the_workspace_below_which_its_paths_are(ws: Workspace) -> None:
    session = Session(ws, InProcess(actor="user:ada"))
    inside, outside = ws.reports_dir / "windows" / "plant-2" / "w 5.html", "http://127.0.0.1:4200/run/1"
    found = surroundings(session, replace(SEEN, report=str(inside)), links={"run": outside}).links
    assert found == {"run": outside, "report": "https://ops.example.org/shop/reports/windows/plant-2/w%205.html"}


def test_an_alert_about_refused_deliveries_links_to_the_reason(ws: Workspace) -> None:
    session, ledger = Session(ws, InProcess(actor="user:ada")), Ledger(ws.ledger_url)
    ledger.record("user:ada", PAIR, Promoted(ModelRef("m", "1", "d" * 64, "run")))
    path = ws.root / "wild.csv"
    pd.DataFrame({"heat": [1e9]}).to_csv(path, index=False)
    quarantine(ws, "plant-2", path, LeptonError("it breaks the contract"))
    ledger.record("user:ada", PAIR, DeliveryRefused(content_digest(path), path.name, ("heat: above 100",)))
    tell_refusals(session, "plant-2")
    (told,) = alerts(ws)
    link = "https://ops.example.org/shop/quarantine/plant-2/wild.csv.reason.txt"
    assert (told["cause"], told["links"]) == ("contract", {"reason": link})
    assert f"reason: {link}" in told["body"]


def test_refusals_are_told_though_the_quarantine_was_cleared(ws: Workspace) -> None:
    session, ledger = Session(ws, InProcess(actor="user:ada")), Ledger(ws.ledger_url)
    ledger.record("user:ada", PAIR, Promoted(ModelRef("m", "1", "d" * 64, "run")))
    ledger.record("user:ada", PAIR, DeliveryRefused("gone", "wild.csv"))
    tell_refusals(session, "plant-2")
    assert alerts(ws)[0]["links"] == {}


def test_an_alert_about_the_stack_links_to_the_log_and_to_the_server_that_answers(ws: Workspace) -> None:
    session = Session(ws, InProcess(actor="watchdog"))
    word = Word("open", Look("worker cpu", "gone", False, "its process 7 has ended", sure=True), NOW)
    tell(session, word, ws.state_dir / "logs" / "worker-cpu.log", {"Prefect": "http://127.0.0.1:4200"})
    (told,) = alerts(ws)
    log = "https://ops.example.org/shop/.lepton/logs/worker-cpu.log"
    assert told["links"] == {"log": log, "Prefect": "http://127.0.0.1:4200"}
    assert f"log: {log}" in told["body"]
