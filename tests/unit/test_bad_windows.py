"""Windows that nobody wants: each gets a clear verdict or error, and the controller's memory stays sound."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from lepton.core.decisions.controller import decide
from lepton.core.decisions.memory import Policy, State
from lepton.core.decisions.observation import Observation
from lepton.core.errors import LeptonError
from lepton.core.table import Table
from lepton.monitoring.answers import Judged
from lepton.monitoring.aspects import schema_problems
from lepton.monitoring.baseline import Baseline
from lepton.monitoring.window import Observed
from tests.conftest import make_plant

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Plant:
    """A logistic regression on a generated plant; what is missing is taken as 0."""

    def __init__(self) -> None:
        rows = make_plant(600, 0.0, seed=1)
        self.head = LogisticRegression().fit(self.numbers(rows), rows["label"])
        self.reference = self.answer(make_plant(600, 0.0, seed=2))

    def numbers(self, frame: pd.DataFrame) -> np.ndarray:
        known = frame.reindex(columns=["heat", "speed", "wear"]).apply(pd.to_numeric, errors="coerce")
        return np.nan_to_num(known.to_numpy(dtype=float), nan=0.0, posinf=9.0, neginf=-9.0)

    def answer(self, frame: pd.DataFrame) -> Judged:
        h = self.numbers(frame)
        ids = np.array([f"p{k}" for k in range(len(frame))], dtype=object)
        labels = frame["label"].to_numpy(dtype=object) if "label" in frame else np.full(len(frame), None, dtype=object)
        table = Table("tabular", ids, labels, frame=frame.drop(columns="label", errors="ignore").reset_index(drop=True))
        p = self.head.predict_proba(h) if len(h) else np.empty((0, 2))
        return Judged(table, p, h, tuple(self.head.classes_), np.zeros(len(frame), dtype=bool))


@pytest.fixture(scope="module")
def plant() -> Plant:
    return Plant()


def window(rows: int = 200, seed: int = 7) -> pd.DataFrame:
    return make_plant(rows, 0.0, seed=seed, labelled=False)


def look(plant: Plant, frame: pd.DataFrame) -> Observed:
    return Baseline("a-to-b", "m v1", plant.reference).compare("w", NOW, plant.answer(frame))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda f: f.drop(columns="heat"), "missing column: heat"),
        (lambda f: f.assign(extra=1.0), "new column: extra"),
        (lambda f: f.assign(heat="hot"), "re-typed column: heat"),
        (lambda f: f.assign(line=3.5), "re-typed column: line"),
    ],
    ids=["missing", "extra", "number to text", "text to number"],
)
def test_other_columns_are_a_schema_breach(plant, change, told):
    frame = change(window())
    with pytest.raises(LeptonError, match="Schema breach") as refused:
        look(plant, frame)
    assert told in refused.value.render()
    assert any(told in line for line in schema_problems(plant.reference.table, plant.answer(frame).table))


@pytest.mark.parametrize("rows", [0, 1, 49])
def test_too_few_rows_are_no_verdict(plant, rows):
    found = look(plant, window(max(rows, 1)).iloc[:rows])
    assert (found.verdict, found.observation.scores) == ("not enough data", {})
    decision = decide(State(champion="m v1"), found.observation, Policy())
    assert (decision.action, decision.state.recent) == ("wait", ())


@pytest.mark.parametrize(
    ("change", "column"),
    [
        (lambda f: f.assign(heat=np.nan), "inputs: heat missing"),
        (lambda f: f.assign(heat=0.25), "inputs: heat"),
        (lambda f: f.assign(line="west"), "inputs: line"),
        (lambda f: f.assign(heat=np.where(np.arange(len(f)) % 3 == 0, np.inf, f["heat"])), "inputs: heat"),
    ],
    ids=["all missing", "constant", "unseen category", "infinite"],
)
def test_broken_columns_are_drift_of_that_column(plant, change, column):
    seen = look(plant, change(window())).observation
    assert seen.score >= 1
    assert next(iter(seen.columns)) == column
    assert np.isfinite(list(seen.scores.values())).all()
    assert seen.estimated_low is not None  # where nobody knows a number, there is an interval


def test_a_window_of_one_class_is_a_change_of_the_label_mix(plant):
    rows = make_plant(900, 0.0, seed=8)
    seen = look(plant, rows[rows["label"] == "bad"]).observation
    assert seen.scores["label mix"] >= 1
    assert seen.realised_accuracy is not None
    assert 0 <= seen.realised_accuracy <= 1


def test_a_reference_that_is_too_small_is_told_with_what_to_do(plant):
    few = plant.reference.take(np.arange(30))
    with pytest.raises(LeptonError, match="too small to compare") as refused:
        Baseline("a-to-b", "m v1", few).compare("w", NOW, plant.answer(window()))
    assert "lepton ingest" in refused.value.render()


def test_images_against_columns_are_a_schema_breach(plant):
    ids = np.array(["a", "b"], dtype=object)
    images = Table("image", ids, np.full(2, None, dtype=object), images=np.zeros((2, 1, 8, 8), dtype=np.uint8))
    assert schema_problems(plant.reference.table, images) == ["the reference is tabular, the window is image"]


def seen_at(hours: float, digest: str, champion: str = "m v1") -> Observation:
    costs = {"estimated_accuracy": 0.5, "expected_accuracy": 0.9}
    return Observation("a-to-b", digest, digest, champion, NOW + timedelta(hours=hours), 200, {"inputs": 5.0}, **costs)


def test_a_window_delivered_twice_and_windows_out_of_order_change_nothing():
    policy, state = Policy(), State()
    for digest in ("d1", "d2"):
        state = decide(state, seen_at(0, digest), policy).state
    for digest in ("d2", "d1", "d2"):
        decision = decide(state, seen_at(1, digest), policy)
        assert (decision.action, decision.alert, decision.state) == ("none", None, state)


@pytest.mark.parametrize("hours", [-10_000.0, -1.0, 0.0])
def test_a_clock_that_goes_backwards_starts_no_second_retransfer(hours):
    policy, state, actions = Policy(), State(), []
    for k, at in enumerate((0.0, 0.0, hours, hours, hours)):
        decision = decide(state, seen_at(at, f"d{k}"), policy)
        state = decision.state
        actions.append(decision.action)
    assert actions == ["suspect", "retransfer", "alert", "alert", "alert"]
    assert len(state.retransfers) == 1


def test_what_was_seen_with_an_older_champion_does_not_count_for_the_new_one():
    policy, state = Policy(), State()
    for k in range(2):
        state = decide(state, seen_at(0, f"d{k}"), policy).state
    decision = decide(state, seen_at(5, "d9", champion="m v2"), policy)
    assert (decision.action, decision.state.recent) == ("suspect", (True,))
    assert decision.state.retransfers == state.retransfers
