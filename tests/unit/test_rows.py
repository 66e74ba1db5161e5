"""What each action says: typed rows that become the JSON that is sealed, and are read from it again."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

import lepton
from lepton.contract.ingest import Intake
from lepton.contract.result import ContractResult
from lepton.core.decisions.memory import Decision, State
from lepton.core.decisions.observation import Observation
from lepton.core.errors import LeptonError
from lepton.core.ledger import Action, Entry, Ledger
from lepton.core.ledger.chain import GENESIS, HEAD_KEY, payload_text
from lepton.core.ledger.migrations.schema import HEAD, ROWS
from lepton.core.ledger.rows import (
    KINDS,
    Cause,
    Decided,
    Evidence,
    Ingested,
    Measured,
    Move,
    Observed,
    Promoted,
    Refused,
    Registered,
    RolledBack,
    Row,
    Subject,
    TransferFinished,
    TransferStarted,
)
from lepton.core.refs import DataRef, ModelRef
from lepton.operations.ingest import row_of

STORED = Path(__file__).parents[1] / "fixtures" / "ledgers" / "v1.jsonl"
"""A ledger as lepton wrote it before its rows had types; `make.py` beside it says how it was made."""
LINES: list[dict[str, Any]] = [json.loads(line) for line in STORED.read_text(encoding="utf-8").splitlines()]

texts = st.text(max_size=8)
numbers = st.floats(allow_nan=False, allow_infinity=False, width=32)
scalars = st.none() | st.booleans() | st.integers(-9, 9) | numbers | texts
objects = st.dictionaries(texts, scalars | st.lists(scalars, max_size=2), max_size=3)
times = st.datetimes(timezones=st.just(UTC))
subjects = st.builds(Subject.of_model, st.builds(ModelRef, texts, texts, texts, texts)) | st.builds(
    Subject.of_batch, texts, texts
)
st.register_type_strategy(float, numbers)
st.register_type_strategy(str, texts)
st.register_type_strategy(datetime, times)
st.register_type_strategy(Mapping, objects)
st.register_type_strategy(Subject, subjects)


def made(kind: type[Row]) -> st.SearchStrategy[Row]:
    """Return rows of a kind, every field drawn."""
    hints = get_type_hints(kind)
    return st.builds(kind, **{one.name: st.from_type(hints[one.name]) for one in fields(kind)})


@pytest.fixture
def stored(tmp_path: Path) -> Ledger:
    """The stored ledger, put into a database row by row as it was sealed."""
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    first = ledger.append("x", "x", "published", {"dvc_md5": "x"})  # makes the tables
    with sa.create_engine(ledger.url).begin() as connection:
        for (name,) in connection.exec_driver_sql("select name from sqlite_master where type = 'trigger'").fetchall():
            connection.exec_driver_sql(f"drop trigger {name}")
        connection.execute(ROWS.delete().where(ROWS.c.seq == first.seq))
        connection.execute(ROWS.insert(), LINES)
        newest = LINES[-1]
        connection.execute(HEAD.update().where(HEAD.c.id == HEAD_KEY).values(seq=newest["seq"], hash=newest["hash"]))
    return ledger


def test_every_action_has_one_type_of_row() -> None:
    assert set(KINDS) == set(get_args(Action))
    assert all(kind.action == action for action, kind in KINDS.items())


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_what_is_written_reads_as_what_it_was(kind: type[Row], data: st.DataObject) -> None:
    row = data.draw(made(kind))
    text = payload_text(row.to_json())
    again = kind.from_json(json.loads(text))
    assert again == row
    assert payload_text(again.to_json()) == text


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_what_only_a_newer_lepton_writes_is_passed_over(kind: type[Row], data: st.DataObject) -> None:
    row = data.draw(made(kind))
    newer = {**json.loads(payload_text(row.to_json())), "invented_later": {"a": [1]}}
    assert kind.from_json(newer) == row


def test_the_chain_of_a_ledger_from_before_the_types_still_verifies(stored: Ledger) -> None:
    assert LINES[0]["prev_hash"] == GENESIS
    assert stored.verify() == []


def test_a_ledger_from_before_the_types_has_a_row_of_every_action() -> None:
    assert {line["action"] for line in LINES} == set(KINDS)


def test_every_row_from_before_the_types_is_the_same_json_when_it_is_written_again(stored: Ledger) -> None:
    for entry, line in zip(stored.entries(), LINES, strict=True):
        assert isinstance(entry.row, KINDS[entry.action])
        assert payload_text(entry.row.to_json()) == line["payload"], f"row {entry.seq}, {entry.action}"


def test_the_types_tell_what_the_command_line_did_then(stored: Ledger) -> None:
    bases = stored.rows("hub", Registered)
    assert bases[0].row.parent is None
    first = stored.rows("hub-to-site", Registered)[0].row
    assert first.parent == bases[0].row.model
    assert {use for use, _ in first.data_refs()} >= {"train", "held_out"}
    promoted = stored.rows("hub-to-site", Promoted)[0].row
    assert promoted.gate["passed"] is True
    assert promoted.story is not None
    assert all(
        math.isfinite(score) for entry in stored.rows(None, Observed) for score in entry.row.seen.scores.values()
    )
    assert [entry.row.labels for entry in stored.rows("hub-to-site", Ingested)].count(True) == 1


def test_a_base_class_stands_for_all_that_derive_from_it(stored: Ledger) -> None:
    moves = stored.rows("hub-to-site", Move)
    assert {entry.action for entry in moves} == {"promoted", "rolled_back"}
    assert stored.last_row("hub-to-site", Move) == moves[-1]
    assert stored.rows("hub-to-site", Move, after=moves[0].seq) == moves[1:]
    assert moves[0].of(Move) == moves[0].row
    assert moves[0].of(RolledBack) is None


def test_a_row_that_is_asked_for_as_another_kind_is_not_even_read() -> None:
    broken = Entry(4, "", "", "p", "observed", {}, "", "")
    assert broken.of(Promoted) is None


@pytest.mark.parametrize(
    ("action", "payload", "why"),
    [
        ("promoted", {}, "It lacks 'model'."),
        ("promoted", {"model": "v1"}, "string indices"),
        ("snoozed", {"causes": [], "until": "tomorrow"}, "Invalid isoformat"),
        ("invented", {}, "the action 'invented' is not known"),
    ],
)
def test_a_row_that_cannot_be_read_is_named(action: Any, payload: dict[str, Any], why: str) -> None:
    with pytest.raises(LeptonError, match=r"Row 7 of the ledger \(.*\) cannot be read") as caught:
        _ = Entry(7, "", "", "p", action, payload, "", "").row
    assert why in caught.value.why
    assert any("audit verify" in fix for fix in caught.value.fix)


def test_rows_of_older_leptons_read_with_defaults() -> None:
    assert Ingested.from_json({"batch": "a"}).labels is False
    decision = Decision("none", "calm", State())
    assert Decided.from_json(decision.to_json()) == Decided(decision)
    assert TransferStarted.from_json({"run": {"id": "r"}}).host == ""


def test_what_is_none_is_left_out_only_where_it_always_was() -> None:
    ref = ModelRef("m", "1", "d", "r")
    assert set(Refused(ref, {"passed": False}).to_json()) == {"model", "gate"}
    assert Promoted(ref).to_json()["previous"] is None
    run = TransferFinished.from_json({"run": {"id": "r"}, "ok": True})
    assert set(run.to_json()) == {"run", "ok"}


def test_a_cause_is_the_same_json_as_ever_and_reads_as_a_person_wants_it() -> None:
    assert Cause().to_json() == {}
    assert Promoted(ModelRef("m", "1", "d", "r"), cause=Cause("manual", "better")).to_json()["cause"] == {
        "kind": "manual",
        "why": "better",
    }
    drift = Cause("drift", reason="3 of 4", since="w1", ledger_row=7)
    assert drift.to_json() == {"kind": "drift", "reason": "3 of 4", "since": "w1", "ledger_row": 7, "observation": None}
    assert Cause.from_json(drift.to_json()) == drift
    assert (Cause().line, Cause("schedule").line, drift.line) == ("unknown", "schedule", "drift: 3 of 4")
    assert (drift.scores, drift.window) == ({}, "")
    approved = Cause.from_json({"kind": "approval", "proposed_because": drift.to_json()})
    assert approved.proposed_because == drift


def test_evidence_says_what_the_gate_said_only_where_it_was_asked() -> None:
    assert (Evidence().summary, Evidence({}).summary, Evidence().accuracy) == ("", "", None)
    assert Evidence({"summary": "passed"}, {"accuracy": 0.9}).to_json() == {
        "gate": {"summary": "passed"},
        "metrics": {"accuracy": 0.9},
    }


@pytest.mark.parametrize(
    "more", [{}, {"labels": True}, {"completed": True}, {"repeated": 3}, {"set_aside": 2}, {"data": None}], ids=str
)
def test_a_delivery_is_on_record_by_the_keys_that_it_answers_with(more: dict[str, Any]) -> None:
    contract = ContractResult("hub", True, (), 9, 4, "digest", None, 0.1)
    data = DataRef("hub", ("a",), "digest", "md5", None, 9, 5)
    taken = replace(Intake("hub", "a", 9, 5, contract, data), **more)
    assert payload_text(row_of(taken).to_json()) == payload_text(taken.to_json())


def test_nothing_outside_the_ledger_reads_a_payload_by_its_keys() -> None:
    root = Path(lepton.__file__).parent
    files = [file for file in root.rglob("*.py") if not file.is_relative_to(root / "core" / "ledger")]
    read = re.compile(r"\.payload(\[|\.get)|ledger\.append\(")
    found = [file.name for file in files if read.search(file.read_text(encoding="utf-8"))]
    assert found == []


def test_late_labels_are_added_to_what_was_seen() -> None:
    seen = Observation("p", "w", "d", "m v1", datetime(2026, 1, 1, tzinfo=UTC), 90)
    after = Measured("w", "m v1", 0.75, 40).added_to(seen)
    assert (after.realised_accuracy, after.labelled, after.window) == (0.75, 40, "w")


def test_a_typed_row_is_recorded_with_its_action_and_once(tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    row = Ingested("a", domain="hub", rows=3)
    entry = ledger.record("user:ada", "hub", row)
    assert (entry.action, entry.row, entry.payload) == ("ingested", row, row.to_json())
    ledger.record_once("user:ada", "hub", row, lambda known: known.batch == "a")
    ledger.record_once("user:ada", "hub", Ingested("b"), lambda known: known.batch == "b")
    assert [one.row.batch for one in ledger.rows("hub", Ingested)] == ["a", "b"]
    assert list(entry.to_json()) == ["seq", "time", "actor", "pair", "action", "payload", "prev_hash", "hash"]
