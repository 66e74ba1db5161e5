"""How far earlier estimates of accuracy were off, from what the monitor saw."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from lepton.core.decisions.controller import Observation
from lepton.core.ledger import OBSERVED, Ledger
from lepton.monitoring.accuracy import past_error
from lepton.operations.monitor.window import _observed_earlier

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
        return [one.window for one in _observed_earlier(book, PAIR, window, champion)]

    assert windows("w2", "v1") == ["w1"]
    assert windows("w2", "v2") == ["w1", "w2", "w3"]
    assert windows("w4", "v2") == ["w1", "w2", "w3", "w2"]


def test_a_row_written_before_there_was_an_error_is_readable() -> None:
    old = {name: value for name, value in seen("w1", 0.9, 0.8).to_json().items() if name != "estimate_error"}
    assert Observation.from_json(old).estimate_error is None
