"""What is shown of long work: nothing at first, then lines or a bar, and the time left once it can be told."""

from __future__ import annotations

import pytest

from lepton.operations import progress
from lepton.operations.progress import QUIET, SILENCE, Bar, Lines, Pace, in_words, progress_bar
from tests.unit.test_tally import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_the_first_second_is_quiet_then_there_is_a_line_at_each_tenth(
    capsys: pytest.CaptureFixture[str], clock: Clock
) -> None:
    with progress_bar("adapting", clock=clock) as report:
        report(1, 40, "probe")
        assert lines_of(capsys) == []
        clock.now += QUIET
        for done in range(2, 41):
            report(done, 40, "probe")
    told = lines_of(capsys)
    assert len(told) == 11
    assert told[0] == "adapting  2/40  probe"
    assert told[-1] == "adapting  40/40  probe"


def test_work_that_is_over_within_a_second_says_nothing(capsys: pytest.CaptureFixture[str], clock: Clock) -> None:
    with progress_bar("adapting", clock=clock) as report:
        report(0, 2, "probe")
        report(2, 2, "probe")
    assert lines_of(capsys) == []


def test_a_part_that_was_over_before_it_was_shown_says_nothing(
    capsys: pytest.CaptureFixture[str], clock: Clock
) -> None:
    with progress_bar("taking in", clock=clock) as report:
        report(100, 100, "% read")
        clock.now += QUIET
        report(600, 600, "checked")
        report(1, 5, "stored")
        report(5, 5, "stored")
    assert lines_of(capsys) == ["taking in  1/5  stored", "taking in  5/5  stored"]


def test_nobody_is_told_where_no_lines_are_wanted(capsys: pytest.CaptureFixture[str], clock: Clock) -> None:
    with progress_bar("adapting", lines=False, clock=clock) as report:
        clock.now += 100
        report(1, 2, "probe")
    assert lines_of(capsys) == []


def test_a_long_first_step_is_told_of_when_the_quiet_is_over(capsys: pytest.CaptureFixture[str], clock: Clock) -> None:
    shown = Lines("scoring", clock)
    shown.wake()
    shown.report(0, 20_000_000, "march")
    assert lines_of(capsys) == []
    clock.now += QUIET
    shown.wake()
    assert lines_of(capsys) == ["scoring  0/20,000,000  march"]


def test_no_time_left_is_told_before_three_steps_and_two_seconds(
    capsys: pytest.CaptureFixture[str], clock: Clock
) -> None:
    shown = Lines("scoring", clock)
    for done in range(10):
        clock.now += 30
        shown.report(done, 10, "")
    told = lines_of(capsys)
    assert told[:4] == ["scoring  0/10", "scoring  1/10", "scoring  2/10", "scoring  3/10  4 min left"]
    quick = Pace(clock)
    for done in range(100):
        clock.now += 0.019
        quick.note(done, 1000)
        assert quick.left is None


def test_a_minute_without_a_tenth_is_told_all_the_same(capsys: pytest.CaptureFixture[str], clock: Clock) -> None:
    shown = Lines("scoring", clock)
    clock.now += QUIET
    for done in range(5):
        shown.report(done, 1000, "")
        clock.now += SILENCE / 2
    assert len(lines_of(capsys)) == 3


def test_the_time_left_counts_from_where_the_work_went_on(clock: Clock) -> None:
    pace = Pace(clock)
    for done in (600, 610, 620, 630):
        pace.note(done, 1000)
        clock.now += 1
    assert pace.left == pytest.approx(3 * 370 / 30)


def test_other_work_is_timed_anew(clock: Clock) -> None:
    pace = Pace(clock)
    for done in range(5):
        pace.note(done, 10)
        clock.now += 1
    assert pace.left is not None
    pace.note(0, 10)
    assert pace.left is None
    for done in range(1, 5):
        pace.note(done, 10)
        clock.now += 1
    pace.note(5, 100)
    assert pace.left is None


def test_a_bar_is_drawn_only_after_the_quiet(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    bar = Bar("scoring", clock)
    started: list[bool] = []
    monkeypatch.setattr(bar._bar, "start", lambda: started.append(True))
    bar.report(1, 10, "march")
    assert not started
    for done in range(2, 6):
        clock.now += 1
        bar.report(done, 10, "march")
    (task,) = bar._bar.tasks
    assert started
    assert (task.description, task.completed, task.total) == ("scoring  march", 5, 10)
    assert task.fields == {"count": "5/10", "remaining": "5 s left"}
    bar.end()


def test_where_bars_are_seen_a_bar_is_drawn(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    monkeypatch.setattr(progress, "is_watched", lambda: True)
    with progress_bar("scoring", clock=clock) as report:
        assert isinstance(getattr(report, "__self__", None), Bar)


@pytest.mark.parametrize(("seconds", "words"), [(95, "95 s"), (720, "12 min"), (11_160, "3.1 h")])
def test_spans_are_said_as_people_say_them(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
