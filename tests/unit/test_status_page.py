"""The status page at 80 columns, with names as long and as odd as they come."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lepton.cli.commands import status as page
from lepton.core.decisions.alerts import Standing
from lepton.core.decisions.overdue import Job
from lepton.operations.status import PairStatus, Status

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOTHING: dict[str, Any] = dict.fromkeys(PairStatus.__dataclass_fields__)
LONG = "hospital-of-the-holy-ghost-and-saint-catherine-unit-7-scanner-2"
REASON = (
    "inputs drift 16.90 in 3 of the last 3 windows, estimated to cost 0.213 of accuracy; cooling down until "
    "2026-03-01 13:00 UTC, and after that a retransfer is started by itself if the drift is still there"
)
PAIR = PairStatus(
    **{
        **NOTHING,
        "pair": f"plant-1-to-{LONG}",
        "domain": LONG,
        "champion": "v12",
        "accuracy": 0.9312,
        "window": "delivery-of-2026-02-28-from-the-western-gateway-second-attempt",
        "drift": 16.9,
        "columns": {
            "temperature_of_the_first_exhaust_gas_sensor_after_the_bend_in_K": 16.9,
            "x": 3.2,
            "y": 1.1,
            "z": 1.0,
        },
        "estimate": 0.71834,
        "low": 0.65,
        "high": 0.78,
        "state": "cooldown",
        "decision": "alert",
        "why": REASON,
        "drifted_from": "2026-02-w3",
        "drifted_since": "2026-02-21 07:00",
        "alerts": (Standing(LONG, "drift", f"plant-1-to-{LONG}: inputs drift", "critical", NOW, NOW),),
        "next": f"lepton transfer {LONG} --cause drift",
    }
)
CALM = PairStatus(**{**NOTHING, "domain": "a", "champion": "v1", "state": "stable", "alerts": ()})


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"FORCE_COLOR": "1", "COLUMNS": "80", "TERM": "xterm"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)


def shown(capsys: pytest.CaptureFixture[str], *pairs: PairStatus) -> list[str]:
    page.show(Status("/srv/ws", "night", pairs, None))
    for pair in pairs:
        page.show_tasks(pair)
    return re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()


def test_no_line_is_longer_than_the_terminal_and_no_column_is_a_few_letters_wide(
    narrow: None, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = shown(capsys, PAIR, CALM)
    too_long = [line for line in lines if len(line) > 80]
    assert all(len(line.split()[-1]) > 60 for line in too_long)  # a name is not broken: it may be copied
    text = " ".join(" ".join(lines).split())
    assert REASON in text  # whole, in lines that can be read
    reason = [line for line in lines if any(part in line for part in ("in 3 of the last", "cooling down", "by itself"))]
    assert min(map(len, reason)) > 40


def test_it_names_what_moved_most_and_since_when(narrow: None, capsys: pytest.CaptureFixture[str]) -> None:
    text = " ".join(" ".join(shown(capsys, PAIR)).split())
    assert (
        "moved: temperature_of_the_first_exhaust_gas_sensor_after_the_bend_in_K 16.9, x 3.2, y 1.1 "
        "since window 2026-02-w3 (2026-02-21 07:00 UTC)"
    ) in text
    assert "z 1.0" not in text
    assert f"lepton transfer {LONG} --cause drift" in text


def test_names_of_a_usual_length_keep_a_line_a_pair(narrow: None, capsys: pytest.CaptureFixture[str]) -> None:
    pair = replace(PAIR, domain="plant-17", window="2026-03-w1")
    (row,) = [line for line in shown(capsys, pair) if line.strip().startswith("plant-17 ") and "v12" in line]
    assert row.split() == ["plant-17", "v12", "0.931", "2026-03-w1", "16.900", "~", "0.718", "0.65-0.78", "cooldown"]


def test_what_labels_showed_is_told_from_what_is_estimated(narrow: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert page.accuracy(PAIR) == "~ 0.718 0.65-0.78"
    assert page.accuracy(replace(PAIR, realised=0.6)) == "= 0.600"
    assert page.accuracy(replace(PAIR, low=None)) == "~ 0.718"
    assert page.accuracy(replace(PAIR, estimate=None)) == "? 0.65-0.78"  # all that is known
    assert page.accuracy(CALM) is None


def test_what_would_steer_the_terminal_does_not(narrow: None, capsys: pytest.CaptureFixture[str]) -> None:
    page.show_reason(replace(PAIR, why="bad \x1b[2J name\nin two lines"))
    assert "bad ?[2J name in two lines" in " ".join(capsys.readouterr().out.split())


def test_what_runs_by_the_clock_has_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    found = Status("/srv/ws", "night", (), None, jobs=(Job("monitor", True, last=NOW, next=NOW + timedelta(hours=1)),))
    page.show_stack(None, None, found)  # type: ignore[arg-type]  # no stack, so the workspace is not looked at
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["stack", "down", "(lepton", "up)"]
    assert lines[1].startswith("  monitor   last 2026-03-01 12:00, next 2026-03-01 13:00 (UTC)")
