"""Labels until a verdict: as many as the refusal names, or what two models' answers allow."""

from __future__ import annotations

import numpy as np
import pytest

from lepton.core.decisions.gate import GatePolicy, judge
from lepton.core.decisions.outlook import from_answers, from_labels, unknown
from lepton.core.decisions.pair_statistics import Z, lower_bound, rows_until

MARGIN = 0.02


def refused(wins: int, losses: int, rows: int):
    truth = np.zeros(rows, dtype=np.int64)
    challenger, base = truth.copy(), truth.copy()
    base[:wins] = 1
    challenger[wins : wins + losses] = 1
    return judge(truth, challenger, {"base": base}, GatePolicy(MARGIN))


def test_it_is_the_number_that_the_refusal_names() -> None:
    verdict = refused(9, 6, 60)
    seen = from_labels(verdict.comparisons, MARGIN, Z)
    until = rows_until(9, 6, 60, MARGIN)
    assert until is not None
    assert (seen.basis, seen.more) == ("labels", until - 60)
    assert f"about {until} would show it" in verdict.reasons[0]
    assert "9 won, 6 lost against the base on 60 rows" in seen.why


def test_where_labels_speak_against_it_no_number_does() -> None:
    seen = from_labels(refused(2, 15, 60).comparisons, MARGIN, Z)
    assert seen.more is None
    assert "speak against it" in seen.why


def test_where_labels_are_not_what_is_missing_it_says_so() -> None:
    seen = from_labels(refused(40, 0, 200).comparisons, MARGIN, Z)
    assert seen.more is None
    assert "not what the refused challenger lacks" in seen.why


@pytest.mark.parametrize("differ", [0.01, 0.1, 0.3])
def test_answers_alone_bound_it_from_both_sides(differ: float) -> None:
    seen = from_answers(differ, MARGIN, Z, least=6)
    assert seen.at_best is not None
    assert seen.more is not None
    assert seen.if_better is not None
    assert seen.at_best <= seen.if_better <= seen.more
    won, lost = round(differ * seen.more / 2), round(differ * seen.more / 2)
    assert lower_bound(won, lost, seen.more) >= -MARGIN


def test_labels_that_there_are_count() -> None:
    none, some = from_answers(0.1, MARGIN, Z, least=6), from_answers(0.1, MARGIN, Z, least=6, labelled=10)
    assert none.more is not None
    assert some.more == none.more - 10
    assert from_answers(0.9, MARGIN, Z, least=6, labelled=100).at_best == 0


def test_the_more_the_two_differ_the_fewer_labels_a_gain_takes() -> None:
    found = [from_answers(differ, MARGIN, Z, least=6).at_best for differ in (0.0, 0.05, 0.2, 0.5)]
    assert found == sorted(found, reverse=True)
    assert found[-1] <= 12


def test_without_anything_to_compare_it_says_what_is_missing() -> None:
    assert unknown("no challenger").to_json() == {
        "basis": "nothing",
        "more": None,
        "at_best": None,
        "if_better": None,
        "why": "no challenger",
    }
