"""What is told of a pair from the ledger's rows alone: what it drifted since, what labels showed, and what to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lepton.core.decisions.memory import Action, Decision, Phase, State
from lepton.core.decisions.observation import Observation
from lepton.core.ledger import Ledger
from lepton.core.ledger.rows import Alerted, Cause, Decided, Measured, Observed, Promoted
from lepton.core.refs import ModelRef, Pair
from lepton.operations.machinery import open_keys, standing
from lepton.operations.status import PairStatus, pair_status

PAIR = Pair("plant-1", "plant-2")
MODEL = ModelRef("lepton-plant-1-to-plant-2", "3", "d" * 64, "run")
SEEN = Observation(
    PAIR.name,
    "w1",
    "1",
    MODEL.label,
    datetime(2026, 3, 1, tzinfo=UTC),
    100,
    scores={"inputs": 3.0},
    columns={"heat": 3.0, "speed": 1.4, "wear": 0.2},
    estimated_accuracy=0.91,
    estimated_low=0.88,
    estimated_high=0.94,
)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    found = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    found.record("user:ada", PAIR.name, Promoted(MODEL, cause=Cause("manual")))
    return found


def window(ledger: Ledger, name: str, action: Action, phase: Phase, since: str | None) -> None:
    state = State(MODEL.label, phase, since=since)
    ledger.record("user:ada", PAIR.name, Observed(replace(SEEN, window=name, digest=name)))
    ledger.record("user:ada", PAIR.name, Decided(Decision(action, "because", state), name))


def told(ledger: Ledger) -> PairStatus:
    return pair_status(ledger, PAIR, {})


def test_a_drift_is_told_with_what_moved_most_and_since_when(ledger: Ledger) -> None:
    window(ledger, "w1", "suspect", "suspect", "w1")
    window(ledger, "w2", "alert", "drifted", "w1")
    found = told(ledger)
    first = ledger.rows(PAIR.name, Observed)[0]
    assert (found.window, found.drifted_from) == ("w2", "w1")
    assert found.drifted_since == first.time[:16].replace("T", " ")
    assert found.moved == (("heat", 3.0), ("speed", 1.4))
    assert (found.estimate, found.low, found.high, found.realised) == (0.91, 0.88, 0.94, None)


@pytest.mark.parametrize(("action", "next"), [("benign", None), ("alert", "lepton transfer plant-2 --cause drift")])
def test_drift_that_does_not_hurt_asks_for_nothing(ledger: Ledger, action: Action, next: str | None) -> None:
    window(ledger, "w1", action, "drifted", "w1")
    assert (told(ledger).state, told(ledger).next) == ("drifted", next)


def test_what_labels_showed_later_stands_beside_the_estimate_of_their_own_window_only(ledger: Ledger) -> None:
    window(ledger, "w1", "none", "stable", None)
    ledger.record("user:ada", PAIR.name, Measured("w1", MODEL.label, 0.6, 50, 0.91))
    assert told(ledger).realised == 0.6
    window(ledger, "w2", "none", "stable", None)
    assert told(ledger).realised is None
    assert told(ledger).drifted_from is None


def test_alerts_about_the_machinery_are_told_apart_from_those_of_a_pair(ledger: Ledger) -> None:
    ledger.record("watchdog", "stack/worker cpu", Alerted("open", "worker cpu is gone", "gone"))
    ledger.record("watchdog", "stack/monitor", Alerted("open", "monitor is overdue", "overdue"))
    ledger.record("watchdog", "stack/monitor", Alerted("resolve", "monitor is well again", "overdue"))
    ledger.record("user:ada", PAIR.name, Alerted("open", "drift", "drift"))
    assert [one.pair for one in standing(ledger)] == ["stack/worker cpu"]
    assert open_keys(ledger) == {("worker cpu", "gone")}
    assert [one.title for one in told(ledger).alerts] == ["drift"]
