"""Rows that are done, and how many come in a second."""

from __future__ import annotations

from lepton.core.work.tally import Tally

Reports = list[tuple[int, int, str]]


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_rows_add_up_and_a_rate_is_told_once_it_means_something() -> None:
    told: Reports = []
    clock = Clock()
    tally = Tally(lambda *report: told.append(report), 1000, clock)
    tally(0, "march")
    clock.now += 0.5
    tally(100, "march")
    clock.now += 1.5
    tally(300, "march")
    assert told == [(0, 1000, "march"), (100, 1000, "march"), (400, 1000, "march  200 rows/s")]


def test_rows_that_were_done_before_are_done_and_no_speed() -> None:
    told: Reports = []
    clock = Clock()
    tally = Tally(lambda *report: told.append(report), 1000, clock)
    tally.found(600)
    clock.now += 2
    tally(100)
    assert told == [(600, 1000, ""), (700, 1000, "50 rows/s")]
