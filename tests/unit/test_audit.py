"""Audit: who served when, a chain that nobody can change unseen, and the record as files that can be checked again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepton.core.decisions.memory import Decision, State
from lepton.core.decisions.observation import Observation
from lepton.core.errors import LeptonError, NotFound, UsageError
from lepton.core.ledger import Action, Entry, Ledger
from lepton.core.ledger.chain import GENESIS, seal
from lepton.core.refs import DataRef, ModelRef
from lepton.registry.audit.export import CONTENTS, check_file, export
from lepton.registry.audit.history import check_noted, moment, monotone, noted_head, reigns, served_at, within
from lepton.registry.lineage.record import Lineage
from tests.openlineage import RUN_EVENT
from tests.tampering import KINDS, Forgery, unguarded

PAIR = "mnist-to-usps"
DATA = DataRef("usps", ("a", "b"), "d" * 16, "m" * 32, None, 120, 90)
EVIL = "<script>window.hacked=1</script> & 'quoted'"


def model(version: int, pair: str = PAIR) -> ModelRef:
    return ModelRef(f"lepton-{pair}", str(version), f"{version:064}", f"run{version}")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")


@pytest.fixture
def told(ledger: Ledger) -> Ledger:
    """A ledger with a row of every action."""
    run = {"id": "r1", "name": "transfer-usps", "url": None}
    base, first = model(1, "mnist"), model(1)
    made = {"strategy": "residual", "data": {"train": DATA}, "seed": 0}
    lineage = Lineage(**made, parent=base, ancestors=(base,), flow_run=run)
    gate = {"passed": True, "summary": "passed on 90 rows", "reasons": [], "comparisons": []}
    evidence = {"gate": gate, "metrics": {"accuracy": 0.97}, "run": run}
    by_ada = {"kind": "approval", "why": EVIL}
    seen = Observation(PAIR, "w1", "d", first.label, moment("2026-03-01"), 90, {"inputs": 1.4, "embedding": 0.2})
    decision = Decision("retransfer", "2 of 3", State())
    rows: list[tuple[str, Action, dict]] = [
        ("mnist", "ingested", {"batch": "m", "rows": 10, "labelled": 10, "data": DATA.to_json()}),
        ("mnist", "registered", {"model": base.to_json(), "lineage": Lineage(**made).to_json()}),
        ("mnist", "promoted", {"model": base.to_json(), "previous": None, "cause": {"kind": "manual"}, "evidence": {}}),
        (PAIR, "delivery_refused", {"delivery": "x", "name": "bad.csv", "reasons": [EVIL]}),
        (PAIR, "transfer_started", {"run": run, "cause": "manual"}),
        (PAIR, "registered", {"model": first.to_json(), "lineage": lineage.to_json()}),
        (PAIR, "proposed", {"model": first.to_json(), "previous": None, "cause": {}, "evidence": evidence}),
        (
            PAIR,
            "promoted",
            {"model": first.to_json(), "cause": by_ada, "evidence": evidence},
        ),
        (PAIR, "transfer_finished", {"run": run, "ok": True}),
        (PAIR, "observed", seen.to_json()),
        (PAIR, "decided", {**decision.to_json(), "window": "w1"}),
        (PAIR, "alerted", {"kind": "drift", "title": "usps drifts", "channels": []}),
        (PAIR, "transfer_started", {"run": {"id": "r2"}, "cause": "drift"}),
        (PAIR, "transfer_finished", {"run": {"id": "r2"}, "ok": False, "error": "no labels"}),
        (PAIR, "refused", {"model": model(2).to_json(), "gate": {"summary": "worse than the champion"}}),
        (PAIR, "rejected", {"model": model(3).to_json(), "why": "no"}),
        (PAIR, "abandoned", {"model": model(4).to_json(), "why": "somebody else was first"}),
        ("mnist", "recalled", {"subject": {"kind": "model", "model": base.to_json()}, "why": "poisoned"}),
        ("mnist", "reinstated", {"subject": {"kind": "model", "model": base.to_json()}, "why": "a mistake"}),
        (PAIR, "rolled_back", {"model": first.to_json(), "cause": {"kind": "rollback", "why": "x"}, "evidence": {}}),
        (PAIR, "forgotten", {"key": "k", "domain": "usps", "rows": 3, "asked": 3, "why": "asked for"}),
        ("mnist", "published", {"dvc_md5": "m" * 32, "git_revision": "abc"}),
    ]
    for pair, action, payload in rows:
        ledger.append("user:ada", pair, action, payload)
    return ledger


def at(ledger: Ledger, times: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Promote a version at each of these times."""
    for number, time in enumerate(times, start=1):
        monkeypatch.setattr("lepton.core.ledger.ledger._now", lambda time=time: datetime.fromisoformat(time))
        payload = {
            "model": model(number).to_json(),
            "cause": {"kind": "manual"},
            "evidence": {"metrics": {"n": number}},
        }
        ledger.append("user:ada", PAIR, "promoted", payload)


def test_who_served_at_a_time_is_the_last_promotion_before_it(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    at(ledger, ["2026-03-01T10:00:00+00:00", "2026-03-05T10:00:00+00:00"], monkeypatch)
    assert served_at(ledger, PAIR, moment("2026-03-01T10:00:00")).champion.ref == model(1)
    assert served_at(ledger, PAIR, moment("2026-03-05 09:59:59")).champion.ref == model(1)
    now = served_at(ledger, PAIR, None)
    assert (now.champion.ref, now.end) == (model(2), None)
    with pytest.raises(NotFound, match="Nothing served"):
        served_at(ledger, PAIR, moment("2026-02-01"))


def test_a_clock_that_was_set_back_makes_no_gap_and_no_loop(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    times = ["2026-03-05T10:00:00+00:00", "2026-03-01T10:00:00+00:00", "2026-03-06T10:00:00+00:00"]
    at(ledger, times, monkeypatch)
    found = reigns(ledger, PAIR)
    assert [one.begin for one in found] == [moment(times[0]), moment(times[0]), moment(times[2])]
    assert [one.end for one in found] == [moment(times[0]), moment(times[2]), None]
    assert served_at(ledger, PAIR, moment("2026-03-05T12:00:00")).champion.ref == model(2)
    assert ledger.verify() == []


def test_a_rollback_shows_the_evidence_that_the_version_once_earned(told: Ledger) -> None:
    assert served_at(told, PAIR, None).earned.metrics == {"accuracy": 0.97}


@given(st.lists(st.datetimes(timezones=st.just(UTC)), max_size=12))
def test_times_made_monotone_never_fall_and_keep_a_clock_that_was_right(times: list[datetime]) -> None:
    found = list(monotone(times))
    assert found == sorted(found)
    assert list(monotone(sorted(times))) == sorted(times)


@given(st.lists(st.integers(0, 40), max_size=15), st.integers(0, 40), st.integers(0, 40))
def test_rows_of_a_time_always_follow_each_other(hours: list[int], first: int, last: int) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [
        Entry(n, (start + timedelta(hours=h)).isoformat(), "", "", "observed", {}, "", "") for n, h in enumerate(hours)
    ]
    found = [row.seq for row in within(rows, start + timedelta(hours=first), start + timedelta(hours=last))]
    assert found == list(range(found[0], found[-1] + 1)) if found else found == []


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "14.3.2026"])
def test_what_is_no_time_is_told_so(text: str) -> None:
    with pytest.raises(UsageError, match="no date or time"):
        moment(text)


def test_a_bare_date_can_mean_its_beginning_or_its_end() -> None:
    assert moment("2026-03-01") == datetime(2026, 3, 1, tzinfo=UTC)
    assert moment("2026-03-01", to_its_end=True) == datetime(2026, 3, 2, tzinfo=UTC)
    assert moment("2026-03-01T09:30+02:00") == datetime(2026, 3, 1, 7, 30, tzinfo=UTC)
    assert moment("2026-03-01T09:30:05", to_its_end=True) == datetime(2026, 3, 1, 9, 30, 5, 999_999, tzinfo=UTC)


@pytest.mark.parametrize("kind", KINDS)
def test_every_forgery_is_found(told: Ledger, tmp_path: Path, kind: str) -> None:
    for seed in range(12):
        copy = tmp_path / f"{seed}.db"
        shutil.copy(tmp_path / "ledger.db", copy)
        what = Forgery(kind, seed).apply(copy)
        assert Ledger(f"sqlite:///{copy}").verify(), what


def test_a_chain_written_anew_is_found_by_a_head_that_was_noted(told: Ledger, tmp_path: Path) -> None:
    rows, _ = told.stored()
    noted = f"{rows[9].seq}:{rows[9].hash}"
    with unguarded(tmp_path / "ledger.db") as db:
        before = GENESIS
        for row in rows:
            actor = "user:mallory" if row.seq == 3 else row.actor
            sealed = seal(row.seq, row.time, actor, row.pair, row.action, row.payload, before)
            db.execute(
                "UPDATE ledger SET actor = ?, prev_hash = ?, hash = ? WHERE seq = ?", (actor, before, sealed, row.seq)
            )
            before = sealed
        db.execute("UPDATE ledger_head SET hash = ?", (before,))
    assert told.verify() == []  # well sealed in itself
    assert check_noted(told.stored()[0], noted_head(noted))
    assert not check_noted(rows, noted_head(noted))
    assert check_noted(rows[:5], noted_head(noted)) == ["row 10, which was noted as the head, is gone"]


def test_an_export_can_be_checked_without_the_ledger(told: Ledger, tmp_path: Path) -> None:
    contents = export(told, "digits", tmp_path / "out")
    rows, problems = check_file(tmp_path / "out" / "ledger.jsonl")
    assert (len(rows), problems) == (contents["rows"], []) == (22, [])
    assert contents["last"] == contents["head"]


def test_a_part_of_the_ledger_can_be_checked_too(told: Ledger, tmp_path: Path) -> None:
    middle = told.entries()[7]
    export(told, "digits", tmp_path / "out", begin=middle.at, formats=["jsonl"])
    rows, problems = check_file(tmp_path / "out" / "ledger.jsonl")
    assert (rows[0].seq, problems) == (8, [])


@pytest.mark.parametrize("seed", range(30))
def test_a_changed_byte_in_an_export_is_found(told: Ledger, tmp_path: Path, seed: int) -> None:
    export(told, "digits", tmp_path / "out", formats=["jsonl"])
    path, draw = tmp_path / "out" / "ledger.jsonl", Random(seed)
    raw = bytearray(path.read_bytes())
    place = draw.randrange(len(raw))
    raw[place] = draw.choice([byte for byte in range(256) if byte != raw[place]])
    path.write_bytes(bytes(raw))
    found: list[str] = ["cannot even be read"]
    with suppress(UsageError):
        found = check_file(path)[1]
    assert found


def test_lines_cut_off_an_export_are_missed(told: Ledger, tmp_path: Path) -> None:
    export(told, "digits", tmp_path / "out", formats=["jsonl"])
    path = tmp_path / "out" / "ledger.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    assert any("last row" in problem for problem in check_file(path)[1])


def test_a_ledger_that_does_not_verify_is_not_exported(told: Ledger, tmp_path: Path) -> None:
    Forgery("edit", 1).apply(tmp_path / "ledger.db")
    with pytest.raises(LeptonError, match="nothing was exported"):
        export(told, "digits", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_export_replaces_an_export_and_nothing_else(told: Ledger, tmp_path: Path) -> None:
    export(told, "digits", tmp_path / "out", formats=["html"])
    export(told, "digits", tmp_path / "out", formats=["jsonl"])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [CONTENTS, "ledger.jsonl"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    with pytest.raises(UsageError, match="other files"):
        export(told, "digits", tmp_path / "mine")


def test_events_are_what_openlineage_asks_for(told: Ledger, tmp_path: Path) -> None:
    export(told, "digits", tmp_path / "out", formats=["openlineage"])
    lines = (tmp_path / "out" / "openlineage.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    checker = jsonschema.Draft202012Validator(RUN_EVENT, format_checker=jsonschema.FormatChecker())
    for event in events:
        checker.validate(event)
    states: dict[str, list[str]] = {}
    for event in events:
        states.setdefault(event["run"]["runId"], []).append(event["eventType"])
    assert {tuple(found) for found in states.values()} == {("START", "COMPLETE"), ("START", "FAIL")}
    assert sum(found[-1] == "FAIL" for found in states.values()) == 2  # a refused delivery, a failed transfer
    adapted = next(e for e in events if e["job"]["name"] == f"transfer.{PAIR}" and e["eventType"] == "COMPLETE")
    assert [one["name"] for one in adapted["inputs"]] == ["data/usps", "models/lepton-mnist"]
    assert [one["name"] for one in adapted["outputs"]] == [f"models/lepton-{PAIR}"]
    again = export(told, "digits", tmp_path / "again", formats=["openlineage"])
    assert again["files"] == {"openlineage.jsonl": again["files"]["openlineage.jsonl"]}
    assert (tmp_path / "again" / "openlineage.jsonl").read_text().splitlines() == lines


def test_the_page_names_every_decision_and_escapes_what_people_wrote(told: Ledger, tmp_path: Path) -> None:
    export(told, EVIL, tmp_path / "out", formats=["html"])
    page = (tmp_path / "out" / "audit.html").read_text()
    assert "<script" not in page
    assert "window.hacked" in page  # as text
    for text in ("v1", "serves now", "passed on 90 rows", "worse than the champion", "3 rows erased", "usps drifts"):
        assert text in page
    assert "://" not in page
