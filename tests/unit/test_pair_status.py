"""What is told of a pair from the ledger's rows alone: what it drifted since, what labels showed, and what to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pytest

from lepton.core.decisions.harm import Harm
from lepton.core.decisions.memory import Action, Decision, Phase, State
from lepton.core.decisions.observation import Observation
from lepton.core.ledger import Ledger
from lepton.core.ledger.rows import Alerted, Decided, DeliveryRefused, Ingested, Measured, Observed, Promoted
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
    found.record("user:ada", PAIR.name, Promoted(MODEL, cause={"kind": "manual"}))
    return found


def window(
    ledger: Ledger,
    name: str,
    action: Action,
    phase: Phase,
    since: str | None,
    harm: Harm | None = None,
    told: bool = False,
    late: bool = False,
) -> None:
    """Put on record what was decided about a window; `told`: people know of its drift; `late`: on labels."""
    state = State(MODEL.label, phase, since=since, alert_open=told)
    if not late:
        ledger.record("user:ada", PAIR.name, Observed(replace(SEEN, window=name, digest=name)))
    cause: Literal["measured", "observed"] = "measured" if late else "observed"
    ledger.record("user:ada", PAIR.name, Decided(Decision(action, "because", state, harm=harm), name, cause=cause))


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


def test_drift_that_does_not_hurt_asks_for_nothing(ledger: Ledger) -> None:
    window(ledger, "w1", "benign", "drifted", "w1", "harmless")
    assert (told(ledger).state, told(ledger).next) == ("drifted", None)


def test_a_quieter_window_after_benign_drift_asks_for_nothing_either(ledger: Ledger) -> None:
    window(ledger, "w1", "benign", "drifted", "w1", "harmless")
    window(ledger, "w2", "wait", "drifted", "w1")
    assert (told(ledger).state, told(ledger).next) == ("drifted", None)


def test_late_labels_that_prove_nothing_of_benign_drift_ask_for_nothing(ledger: Ledger) -> None:
    window(ledger, "w1", "benign", "drifted", "w1", "harmless")
    window(ledger, "w1", "none", "drifted", "w1", late=True)
    assert (told(ledger).state, told(ledger).next) == ("drifted", None)


@pytest.mark.parametrize("then", [None, "wait", "none"])
def test_drift_that_hurts_asks_for_a_transfer_as_long_as_the_alert_is_open(ledger: Ledger, then: Action | None) -> None:
    window(ledger, "w1", "alert", "drifted", "w1", "harmful", told=True)
    if then:
        window(ledger, "w2", then, "drifted", "w1", told=True)
    assert told(ledger).next == "lepton transfer plant-2 --cause drift"


@pytest.mark.parametrize("then", [None, "wait", "none"])
def test_drift_whose_cost_nobody_knows_asks_for_labels_as_its_alert_does(ledger: Ledger, then: Action | None) -> None:
    window(ledger, "w1", "alert", "drifted", "w1", "unknown", told=True)
    if then:
        window(ledger, "w2", then, "drifted", "w1", told=True)
    assert str(told(ledger).next).startswith("lepton ingest plant-2 labels.csv --labels ")


def test_a_retransfer_that_the_policy_decided_without_knowing_the_cost_and_nobody_began_is_asked_for(
    ledger: Ledger,
) -> None:
    window(ledger, "w1", "retransfer", "retransferring", "w1", "unknown", told=True)
    assert told(ledger).next == "lepton transfer plant-2 --cause drift"


def test_while_deliveries_are_refused_a_calm_pair_is_unwatched(ledger: Ledger) -> None:
    window(ledger, "w1", "none", "stable", None)
    ledger.record("user:ada", PAIR.name, DeliveryRefused("d1", "wild.csv", ("heat: above 100",), 50))
    found = told(ledger)
    assert (found.state, found.unwatched) == ("unwatched", "wild.csv was refused: heat: above 100")
    assert str(found.next).startswith("lepton ingest plant-2 FILE ")
    ledger.record("user:ada", PAIR.name, Ingested("w2"))
    assert (told(ledger).state, told(ledger).unwatched, told(ledger).next) == ("stable", None, None)


def test_refused_deliveries_do_not_hide_a_drift_that_stands(ledger: Ledger) -> None:
    window(ledger, "w1", "alert", "drifted", "w1", "harmful", told=True)
    for name in ("wild.csv", "wilder.csv"):
        ledger.record("user:ada", PAIR.name, DeliveryRefused(name, name))
    found = told(ledger)
    assert (found.state, found.next) == ("drifted", "lepton transfer plant-2 --cause drift")
    assert str(found.unwatched).startswith("wilder.csv was refused, 2 in a row since ")


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
