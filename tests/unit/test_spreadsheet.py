"""Tables for people: formulas are marked, all else stays as it was."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepton.data.spreadsheet import harmless, is_formula, original


@pytest.mark.parametrize("cell", ["=cmd|' /C calc'!A0", "+1+cmd()", "-2+3", "@SUM(A1)", "\t=1+1", "\r=1", "=1", "-"])
def test_what_a_spreadsheet_runs_is_a_formula(cell: str) -> None:
    assert is_formula(cell)


@pytest.mark.parametrize("cell", ["-1.5", "+3", "-1e5", "plain", "a=b", "", "'=1", None, 4.0, "-inf"])
def test_numbers_and_plain_words_are_none(cell: object) -> None:
    assert not is_formula(cell)


def test_formulas_are_marked_in_cells_and_names_and_nothing_else_changes() -> None:
    frame = pd.DataFrame({"=x": ["=1+1", "-5", None], "n": [-1.0, 2.0, np.nan], "plain": ["a", "b", "@c"]}, dtype=None)
    made, count = harmless(frame)
    assert count == 3
    assert list(made.columns) == ["'=x", "n", "plain"]
    assert made["'=x"].tolist() == ["'=1+1", "-5", None]
    assert made["plain"].tolist() == ["a", "b", "'@c"]
    pd.testing.assert_series_equal(made["n"], frame["n"])
    assert list(frame.columns) == ["=x", "n", "plain"]


@given(st.lists(st.text(), min_size=1, max_size=20))
def test_no_formula_is_left_and_each_can_be_read_back(cells: list[str]) -> None:
    made, count = harmless(pd.DataFrame({"x": pd.Series(cells, dtype=object)}))
    assert not any(map(is_formula, made["x"]))
    assert count == sum(map(is_formula, cells))
    for cell, marked in zip(cells, made["x"], strict=True):
        assert original(marked) == cell or not is_formula(cell)
