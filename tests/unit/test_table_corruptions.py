"""Simulated degradations of tables keep their shape, are repeatable, and grow with their strength."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lepton.core.errors import UsageError
from lepton.core.table import Table
from lepton.data.corruptions.tables import TABLE_CORRUPTIONS
from lepton.data.corruptions.tables import degrade as corrupt_table


def rows(count: int = 200, seed: int = 0) -> Table:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "heat": rng.normal(50, 5, count),
            "load": rng.gamma(2, 10, count),
            "count": rng.integers(0, 9, count),
            "line": rng.choice(["a", "b", "c"], count),
            "gone": np.full(count, np.nan),
        }
    )
    ids = np.array([f"r{k}" for k in range(count)], dtype=object)
    return Table("tabular", ids, rng.choice(["yes", "no"], count).astype(object), frame=frame)


@given(st.sampled_from(sorted(TABLE_CORRUPTIONS)), st.sampled_from([1, 2, 3]), st.integers(1, 60), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_as_many_rows_of_the_same_columns_come_out_and_the_same_ones_each_time(kind, strength, count, seed):
    before = rows(count, seed)
    kept = before.content_digest()
    once, again = (corrupt_table(before, kind, strength, seed) for _ in range(2))
    assert before.content_digest() == kept
    assert once.content_digest() == again.content_digest()
    assert once.frame is not None
    assert (len(once), list(once.frame.columns)) == (count, list(before.frame.columns))
    assert not np.isinf(once.frame.select_dtypes("number").to_numpy()).any()


@pytest.mark.parametrize("kind", ["offset", "noise"])
def test_numbers_move_further_the_stronger_it_is(kind):
    before = rows()
    moved = []
    for strength in (1, 2, 3):
        after = corrupt_table(before, kind, strength, 1).frame[["heat", "load"]]
        moved.append(float(np.abs(after - before.frame[["heat", "load"]]).to_numpy().mean()))
    assert moved == sorted(moved)
    assert moved[0] > 0.1


def test_cells_go_missing_and_other_rows_come_with_their_labels():
    before = rows()
    shares = [corrupt_table(before, "missing", s, 0).frame["heat"].isna().mean() for s in (1, 2, 3)]
    assert shares == pytest.approx([0.15, 0.4, 0.8], abs=0.1)
    others = corrupt_table(before, "other_rows", 3, 0)
    label = dict(zip(before.ids, before.labels, strict=True))
    assert all(label[row_id] == found for row_id, found in zip(others.ids, others.labels, strict=True))
    assert len(set(others.ids)) < len(before)


def test_what_does_not_exist_is_refused():
    with pytest.raises(UsageError, match="no corruption 'rust'"):
        corrupt_table(rows(), "rust")
    with pytest.raises(UsageError, match="1, 2 or 3"):
        corrupt_table(rows(), "noise", 4)
    images = Table(
        "image", np.array(["a"], dtype=object), np.array([None], dtype=object), images=np.zeros((1, 1, 4, 4))
    )
    with pytest.raises(UsageError, match="rows of columns"):
        corrupt_table(images, "noise")
