"""The scale of drift has no upper end, and 1.0 stays where it was calibrated."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepton.core.table import Table
from lepton.monitoring.answers import Judged
from lepton.monitoring.aspects import watched_columns
from lepton.monitoring.scores import beyond_range, column_score, together


@given(st.lists(st.floats(0, 50), min_size=1, max_size=8))
def test_columns_together_are_beyond_the_threshold_where_one_of_them_is(scores):
    assert (together(scores) >= 1) == (max(scores) >= 1)
    assert together(scores) >= max(scores)


def test_a_further_column_that_drifts_moves_a_score_that_was_at_its_end():
    assert together([16.9, 0.5]) == 16.9
    assert together([16.9, 8.0]) > together([16.9, 0.5])
    assert together([]) == 0


def test_a_column_that_goes_farther_scores_more_and_one_within_chance_does_not():
    assert column_score(0.8, 0.1, beyond=5.0) > column_score(0.8, 0.1, beyond=2.0) > column_score(0.8, 0.1)
    assert column_score(0.05, 0.1, beyond=5.0) == pytest.approx(0.5)
    assert beyond_range(0, 10, 10, np.array([30.0, 31, 29, np.inf])) == pytest.approx(2.0)
    assert beyond_range(0, 10, 10, np.array([5.0, 6, 1e9])) == 0
    assert beyond_range(0, 10, 10, np.array([np.nan])) == 0


def moved(by: float) -> Judged:
    values = np.random.default_rng(0).normal(0, 1, 200) + by
    ids = np.array([f"r{k}" for k in range(200)], dtype=object)
    table = Table("tabular", ids, np.full(200, None, dtype=object), frame=pd.DataFrame({"x": values}))
    return Judged(table, np.full((200, 2), 0.5), np.zeros((200, 0)), ("a", "b"), np.zeros(200, dtype=bool))


def test_a_column_knows_how_far_its_middle_has_left_the_range_of_the_reference():
    found = [watched_columns(moved(0), moved(by))[0].beyond for by in (0, 100, 1000)]
    assert found[0] == 0
    assert found[1] > 10
    assert found[2] > 5 * found[1]
