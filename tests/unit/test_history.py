"""What the monitor saw and decided of a pair, told from the ledger; how far earlier estimates of accuracy were off."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lepton.core.decisions.history import History, history_of
from lepton.core.decisions.memory import Decision, State
from lepton.core.decisions.observation import Observation
from lepton.core.ledger import DECIDED, MEASURED, OBSERVED, Ledger
from lepton.monitoring.past import past_error

PAIR = "plant-1-to-plant-2"


def seen(window: str, guess: float | None, real: float | None, champion: str = "v1", digest: str = "") -> Observation:
    return Observation(
        pair=PAIR,
        window=window,
        digest=digest or window,
        champion=champion,
        time=datetime(2026, 3, 1, tzinfo=UTC),
        rows=500,
        estimated_accuracy=guess,
        realised_accuracy=real,
    )


def test_errors_in_both_directions_do_not_cancel() -> None:
    assert past_error([seen("w1", 0.9, 0.8), seen("w2", 0.7, 0.9)]) == pytest.approx(0.15)


def test_windows_without_an_estimate_or_without_labels_say_nothing() -> None:
    unknown = [seen("w1", 0.9, None), seen("w2", None, 0.8)]
    assert past_error([]) is None
    assert past_error(unknown) is None
    assert past_error([*unknown, seen("w3", 0.9, 0.8)]) == pytest.approx(0.1)


def test_an_estimate_of_zero_is_an_estimate() -> None:
    assert past_error([seen("w1", 0.0, 0.4), seen("w2", 0.3, 0.0)]) == pytest.approx(0.35)


def test_a_window_delivered_twice_counts_once_for_each_champion() -> None:
    twice = [seen("w1", 0.9, 0.5, digest="same"), seen("w1 again", 0.9, 0.5, digest="same"), seen("w2", 0.8, 0.8)]
    assert past_error(twice) == pytest.approx(0.2)
    assert past_error([*twice, seen("w1", 0.5, 0.5, "v2", "same")]) == pytest.approx(0.4 / 3)


def test_only_windows_before_this_one_count_and_only_those_of_the_pair(tmp_path: Path) -> None:
    book = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    for one in (seen("w1", 0.9, 0.8), seen("w2", 0.9, 0.7), seen("w3", 0.9, 0.1), seen("w2", 0.9, 0.7, "v2")):
        book.append("user:ada", PAIR, OBSERVED, one.to_json())
    book.append("user:ada", "other-pair", OBSERVED, seen("w0", 0.9, 0.0).to_json())

    def windows(window: str, champion: str) -> list[str]:
        return [one.window for one in history_of(book, PAIR).before(window, champion)]

    assert windows("w2", "v1") == ["w1"]
    assert windows("w2", "v2") == ["w1", "w2", "w3"]
    assert windows("w4", "v2") == ["w1", "w2", "w3", "w2"]


def test_a_row_written_before_there_was_an_error_is_readable() -> None:
    old = {name: value for name, value in seen("w1", 0.9, 0.8).to_json().items() if name != "estimate_error"}
    assert Observation.from_json(old).estimate_error is None


@pytest.fixture
def told(tmp_path: Path) -> Ledger:
    """Return a ledger: w1 and w2 of v1 decided about, w1 labelled later; w1 of v2 only looked at."""
    book = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")

    def decide(window: str, champion: str, action: Any, batches: list[str]) -> None:
        decision = Decision(action, f"of {window}", State(champion=champion))
        book.append("user:ada", PAIR, DECIDED, {**decision.to_json(), "window": window, "batches": batches})

    book.append("user:ada", PAIR, OBSERVED, seen("w1", 0.9, None).to_json())
    decide("w1", "v1", "suspect", ["w1", "w1b"])
    book.append("user:ada", PAIR, OBSERVED, seen("w2", 0.8, None).to_json())
    labels = {"window": "w1", "champion": "v1", "realised_accuracy": 0.7, "labelled": 40, "estimated_accuracy": 0.9}
    book.append("user:ada", PAIR, MEASURED, labels)
    decide("w2", "v1", "retransfer", [])
    book.append("user:ada", PAIR, OBSERVED, seen("w1", 0.6, None, "v2").to_json())
    return book


def test_a_history_read_on_row_by_row_is_the_one_read_at_once(told: Ledger) -> None:
    whole, rows = history_of(told, PAIR), told.entries(PAIR)
    for cut in range(len(rows) + 1):
        assert history_of(told, PAIR, History().after(rows[:cut])) == whole
    assert (whole.observed_row, whole.decided_row, whole.last_row) == (6, 5, 6)


def test_labels_that_came_later_belong_to_the_window_and_the_champion_that_they_measure(told: Ledger) -> None:
    history = history_of(told, PAIR)
    measured = {key: record.observation.realised_accuracy for key, record in history.records.items()}
    assert measured == {("w1", "v1"): 0.7, ("w2", "v1"): None, ("w1", "v2"): None}
    assert [record.row for record in history.records.values()] == [4, 5, 0]


def test_what_was_judged_is_known_by_its_batches_and_only_of_the_champion_that_it_was_judged_with(told: Ledger) -> None:
    history = history_of(told, PAIR)
    assert history.judged_by("v1") == {"w1", "w1b", "w2"}
    assert history.judged_by("v2") == frozenset()
    assert history.undecided("w1", "v2") == seen("w1", 0.6, None, "v2")
    assert history.undecided("w1", "v1") is None


def test_the_latest_decision_stands_with_what_it_was_made_on(told: Ledger) -> None:
    latest = history_of(told, PAIR).latest
    assert latest is not None
    assert (latest[0].window, latest[0].champion, latest[1].action) == ("w2", "v1", "retransfer")


def test_the_newest_window_is_the_last_that_came_whatever_labels_came_of_older_ones(told: Ledger) -> None:
    late = {"window": "w1", "champion": "v1", "realised_accuracy": 0.6, "labelled": 90, "tested": 90}
    told.append("user:ada", PAIR, MEASURED, late)
    heard = Decision("alert", "labels of w1", State(champion="v1"))
    told.append("user:ada", PAIR, DECIDED, {**heard.to_json(), "window": "w1", "batches": [], "cause": "measured"})
    history = history_of(told, PAIR)
    assert history.latest is not None
    assert history.latest[0].window == "w1"  # the last decision is about it
    newest = history.newest("v1", apart_from="w3")
    assert newest is not None
    assert newest.window == "w2"
    other = history.newest("v1", apart_from="w2")
    assert other is not None
    assert other.window == "w1"
    assert history.newest("v3", apart_from="w3") is None


def test_a_trial_goes_on_from_what_was_known_before_its_first_window(told: Ledger) -> None:
    whole = history_of(told, PAIR)
    before = whole.before_any({"w2"}, "v1")
    assert (list(before.records), before.state, before.latest) == ([("w1", "v1")], State(), None)
    assert list(whole.before_any({"new"}, "v1").records) == list(whole.records)
    decision = Decision("benign", "harmless", State(champion="v1", accepted="w2"))
    after = before.followed_by(seen("w2", 0.9, None), decision)
    assert (after.state, after.latest) == (decision.state, (seen("w2", 0.9, None), decision))
    newest = after.newest("v1", apart_from="w3")
    assert newest is not None
    assert newest.window == "w2"
    assert history_of(told, PAIR, whole) == whole
