"""When people are told that a part of the machinery is gone, back, overdue: once, and not for a moment's silence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lepton.core.decisions.overdue import Job, lateness, look_at
from lepton.core.decisions.vigil import BACK, ENDED, SILENT, Key, Lasting, Look, consider

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
UP = Look("worker cpu", "gone", True)
ENDED_NOW = Look("worker cpu", "gone", False, "its process 7 has ended", sure=True)
MUTE = Look("prefect server", "gone", False, "does not answer")
HOUR = timedelta(hours=1)
GRACE = timedelta(minutes=10)


def over_time(looks: Sequence[Look], every: float = 5.0, open_ones: set[Key] | None = None) -> list[tuple[float, str]]:
    """Return the seconds at which something was told, and what kind, of one look every few seconds."""
    memory: dict[Key, Lasting] = {}
    out, told = set(open_ones or ()), []
    for k, look in enumerate(looks):
        memory, words = consider([look], memory, out, START + timedelta(seconds=k * every))
        for word in words:
            (out.add if word.kind == "open" else out.discard)(word.look.key)
            told.append((k * every, word.kind))
    return told


def test_a_process_that_has_ended_is_told_once_within_seconds() -> None:
    assert over_time([UP, *[ENDED_NOW] * 30]) == [(15.0, "open")]


def test_a_part_that_is_replaced_in_time_is_nobodys_trouble() -> None:
    assert timedelta(seconds=5) < ENDED
    assert over_time([UP, ENDED_NOW, ENDED_NOW, UP, UP, UP]) == []


def test_silence_is_told_only_when_it_lasts_and_within_two_minutes() -> None:
    ((when, kind),) = over_time([MUTE] * 40)
    assert (kind, SILENT.total_seconds() <= when <= 120) == ("open", True)
    calm = replace(MUTE, ok=True)
    assert over_time([MUTE, MUTE, calm] * 20) == []  # a busy machine answers now and then


def test_what_is_well_again_is_told_when_it_has_held_for_a_while() -> None:
    told = over_time([ENDED_NOW] * 5 + [UP] * 5)
    assert [kind for _, kind in told] == ["open", "resolve"]
    assert told[1][0] - 25 >= BACK.total_seconds()


def test_a_watchdog_that_was_killed_goes_on_with_what_is_on_record() -> None:
    assert over_time([ENDED_NOW] * 10, open_ones={ENDED_NOW.key}) == []
    assert over_time([UP] * 10, open_ones={UP.key}) == [(10.0, "resolve")]


def test_what_cannot_be_looked_at_stays_as_it_was() -> None:
    memory, _ = consider([ENDED_NOW], {}, set(), START)
    after, words = consider([], memory, set(), START + HOUR)
    assert (after, words) == (memory, [])


JOB = Job("monitor", active=True, last=START - HOUR, next=START)


@pytest.mark.parametrize(
    ("job", "at", "since", "why"),
    [
        (JOB, START + timedelta(minutes=9), START - HOUR, None),
        (JOB, START + timedelta(minutes=11), START - HOUR, "it should have started at 12:00 UTC"),
        (JOB, START + timedelta(minutes=11), START + timedelta(minutes=5), None),  # all was down; it catches up
        (replace(JOB, active=False), START + HOUR, START - HOUR, None),
        (replace(JOB, next=None), START + timedelta(minutes=5), START, None),
        (replace(JOB, next=None), START + HOUR, START, "its schedule is on, but the server has planned no run"),
    ],
)
def test_a_job_is_overdue_when_it_did_not_start_in_time(
    job: Job, at: datetime, since: datetime, why: str | None
) -> None:
    assert lateness(job, at, GRACE, since) == why


def test_an_overdue_and_a_failed_job_are_told_at_once_and_separately() -> None:
    looks = look_at(replace(JOB, ok=False), START + HOUR, GRACE, START - HOUR)
    assert [(one.key, one.ok, one.sure) for one in looks] == [
        (("monitor", "overdue"), False, True),
        (("monitor", "failed"), False, True),
    ]
    assert looks[1].why == "its run of 11:00 UTC failed"
    assert all(one.ok for one in look_at(JOB, START, GRACE, START - HOUR))
    assert [one.cause for one in look_at(replace(JOB, last=None), START, GRACE, START)] == ["overdue"]


def test_a_job_in_a_line() -> None:
    assert JOB.in_words(START) == "last 11:00, next 12:00"
    assert replace(JOB, ok=False, running=START).in_words(START) == "last 11:00 FAILED, runs since 12:00, next 12:00"
    assert replace(JOB, last=None, active=False).in_words(START) == "has not run yet, schedule off"
    assert Job("retrain", True, next=START + 72 * HOUR).in_words(START) == "has not run yet, next 2026-03-04 12:00"
