"""Accuracy without drift: measured on all held-out rows, or carried from what was measured last."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from lepton.core.config.settings import MonitorConfig
from lepton.core.decisions.observation import Observation
from lepton.core.table import Table
from lepton.monitoring.accuracy import estimate
from lepton.monitoring.answers import Judged
from lepton.monitoring.baseline import Baseline
from lepton.monitoring.past import Past
from lepton.monitoring.reference_accuracy import Expected, carried, measured, tells, untold


def judged(rows: int, right: float, labelled: bool = True, seed: int = 0) -> Judged:
    rng = np.random.default_rng(seed)
    p = rng.uniform(0.6, 0.99, rows)
    said = np.where(rng.random(rows) < 0.5, "a", "b")
    truth = np.where(rng.random(rows) < right, said, np.where(said == "a", "b", "a")).astype(object)
    ids = np.array([f"r{k}" for k in range(rows)], dtype=object)
    labels = truth if labelled else np.full(rows, None, dtype=object)
    table = Table("tabular", ids, labels, frame=pd.DataFrame({"x": p}))
    probabilities = np.where((said == "a")[:, None], np.column_stack([p, 1 - p]), np.column_stack([1 - p, p]))
    return Judged(table, probabilities, rng.normal(size=(rows, 4)), ("a", "b"), np.zeros(rows, dtype=bool))


def seen(window: str, **values) -> Observation:
    facts = {"pair": "a-to-b", "digest": window, "champion": "c", "rows": 500}
    return Observation(window=window, time=datetime(2026, 1, 1, tzinfo=UTC), **facts, **values)


def test_all_held_out_rows_measure_it():
    found = measured(judged(3000, 0.8))
    assert found.rows == 3000
    assert found.low < 0.8 < found.high
    assert found.half_width == pytest.approx(0.012, abs=0.001)
    assert measured(judged(29, 0.8)) is None


def test_a_tolerance_below_what_the_rows_can_tell_is_said():
    few = Expected(0.5, 0.46, 0.54, 400)
    assert untold(0.02, few) == "tolerance 0.02 is below what 400 held-out rows can tell (0.04)"
    assert untold(0.02, Expected(0.9, 0.89, 0.91, 5000)) is None
    assert "fewer than 30" in untold(0.02, None)
    assert tells(0.9, 400) > tells(0.9, 4000)


def test_a_champion_that_nobody_measured_is_held_against_what_was_measured_last():
    old = seen("w1", expected_accuracy=0.9, expected_low=0.88, expected_high=0.92, expected_rows=900, estimated_low=0.7)
    last = carried([old])
    assert (last.accuracy, last.low, last.high, last.rows) == (0.9, 0.7, 0.92, 0)
    reference, window = judged(300, 0.9, labelled=False), judged(300, 0.9, labelled=False, seed=1)
    found = estimate(reference, window, None, Past.of([old]))
    assert (found.method, found.accuracy, found.expected) == ("not measured", None, 0.9)
    assert found.low < 0.7
    assert found.high >= 0.92
    assert carried([seen("w1", expected_accuracy=0.9)]) is None


def test_labels_of_a_window_are_measured_later_than_the_reference():
    old = seen("w1", expected_accuracy=0.9, expected_low=0.88, expected_high=0.92, expected_rows=900)
    late = seen("w2", realised_accuracy=0.6, labelled=200)
    assert carried([old, late]).accuracy == 0.6


def test_the_past_remembers_how_each_piece_erred_and_what_was_best():
    tried = seen(
        "w1", estimated_accuracy=0.9, realised_accuracy=0.6, labelled=500, pieces={"confidence": 0.95, "mix": 0.6}
    )
    past = Past.of([tried, seen("w2", estimated_accuracy=0.9)])
    assert (past.error, past.windows, past.best) == (pytest.approx(0.3), 1, 0.6)
    assert past.pieces["confidence"].squared == pytest.approx(0.35**2, abs=0.001)
    assert past.pieces["mix"].squared == 0
    assert Past.of([]) == Past()


def test_a_baseline_remarks_on_a_tolerance_that_its_rows_cannot_tell():
    assert "below what 200 held-out rows can tell" in Baseline("a-to-b", "c", judged(200, 0.8)).remark
    wide = MonitorConfig(tolerance=0.1)
    assert Baseline("a-to-b", "c", judged(200, 0.8), wide).remark is None
