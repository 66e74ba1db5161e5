"""The gate: what passes, what does not, and that it says why."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepton.core.decisions.gate import GatePolicy, compare, judge
from lepton.core.decisions.pair_statistics import bootstrap_interval, lower_bound, mcnemar_worse, rows_until

POLICY = GatePolicy()


def answers(truth: np.ndarray, wrong: int, start: int = 0) -> np.ndarray:
    """Return the truth with `wrong` rows answered wrongly, from `start` on."""
    given = truth.copy()
    given[start : start + wrong] = (given[start : start + wrong] + 1) % 10
    return given


@pytest.fixture
def truth() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 10, 300)


def test_a_clearly_better_challenger_passes(truth: np.ndarray) -> None:
    verdict = judge(truth, answers(truth, 6), {"base": answers(truth, 40)}, POLICY)
    assert verdict.passed
    assert verdict.comparisons[0].difference == pytest.approx(34 / 300)
    assert verdict.summary().startswith("passed on 300 rows")


def test_equal_answers_pass(truth: np.ndarray) -> None:
    assert judge(truth, answers(truth, 9), {"champion": answers(truth, 9)}, POLICY).passed


def test_a_clearly_worse_challenger_is_refused_and_the_rival_named(truth: np.ndarray) -> None:
    verdict = judge(truth, answers(truth, 40), {"base": answers(truth, 6), "champion": answers(truth, 60)}, POLICY)
    assert not verdict.passed
    assert [c.against for c in verdict.comparisons if not c.passed] == ["base"]
    assert "worse than the base" in verdict.summary()


def test_too_few_rows_are_no_evidence(truth: np.ndarray) -> None:
    verdict = judge(truth[:20], truth[:20], {}, POLICY)
    assert not verdict.passed
    assert "only 20 labelled held-out rows" in verdict.reasons[0]


def test_a_loss_that_cannot_be_ruled_out_is_refused(truth: np.ndarray) -> None:
    # Ten rows lost, ten won: no difference seen, but a loss of 2 points is well within the noise.
    challenger, rival = answers(truth, 10), answers(truth, 10, start=100)
    verdict = judge(truth, challenger, {"champion": rival}, POLICY)
    assert verdict.comparisons[0].difference == 0
    assert "not shown to be within 0.020" in verdict.summary()
    assert judge(truth, challenger, {"champion": rival}, GatePolicy(margin=0.05)).passed


def test_one_ruined_class_is_refused_even_if_the_whole_is_better(truth: np.ndarray) -> None:
    challenger = truth.copy()
    challenger[truth == 3] = 8
    rival = answers(np.where(truth == 3, 99, truth), 60) % 100
    rival[truth == 3] = 3
    verdict = judge(truth, challenger, {"champion": rival}, POLICY, classes=tuple("abcdefghij"))
    assert verdict.comparisons[0].difference > 0
    assert any("class 'd' is read worse" in reason for reason in verdict.reasons)


def test_a_bloated_model_is_refused(truth: np.ndarray) -> None:
    assert "5.0 times the size" in judge(truth, truth, {}, POLICY, size_ratio=5.0).summary()


@given(wins=st.integers(0, 40), losses=st.integers(0, 40))
def test_the_exact_test_is_a_probability_and_falls_with_losses(wins: int, losses: int) -> None:
    p = mcnemar_worse(wins, losses)
    assert 0 < p <= 1
    assert mcnemar_worse(wins, losses + 1) <= p + 1e-12


@given(seed=st.integers(0, 200), rows=st.integers(30, 400))
def test_the_bound_lies_below_the_difference_and_a_model_never_loses_to_itself(seed: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    truth, one, two = (rng.integers(0, 3, rows) for _ in range(3))
    seen = compare("rival", truth, one, two, margin=0.02)
    assert seen.lower <= seen.difference + 1e-9


@given(wins=st.integers(0, 40), losses=st.integers(0, 40), same=st.integers(1, 300))
def test_the_bootstrap_interval_holds_the_difference_and_turns_with_the_sides(
    wins: int, losses: int, same: int
) -> None:
    rows = wins + losses + same
    low, high = bootstrap_interval(wins, losses, rows)
    assert low - 1e-6 <= (wins - losses) / rows <= high + 1e-6
    assert bootstrap_interval(losses, wins, rows) == pytest.approx((-high, -low), abs=4 / rows)
    assert bootstrap_interval(0, 0, rows) == (0, 0)


def test_it_is_that_of_rows_drawn_again() -> None:
    rng = np.random.default_rng(7)
    signs = np.repeat([1, -1, 0], [30, 10, 160])
    drawn = signs[rng.integers(0, 200, (20_000, 200))].mean(axis=1)
    assert bootstrap_interval(30, 10, 200) == pytest.approx(np.quantile(drawn, (0.025, 0.975)), abs=0.006)


@pytest.mark.parametrize(
    ("rows", "margin", "differ"), [(30, 0.02, 0.1), (60, 0.02, 0.06), (150, 0.02, 0.06), (300, 0.05, 0.1)]
)
def test_a_challenger_that_is_worse_by_the_margin_hardly_ever_passes(rows: int, margin: float, differ: float) -> None:
    # The level of the test is 5 %; 2,000 draws leave a standard error of half a point.
    rng = np.random.default_rng(0)
    shares = [(differ - margin) / 2, (differ + margin) / 2, 1 - differ]
    drawn = rng.multinomial(rows, shares, size=2000)
    passed = np.mean([lower_bound(int(w), int(n), rows) >= -margin for w, n, _ in drawn])
    assert passed <= 0.065


def test_few_rows_on_which_all_agree_prove_little() -> None:
    same = np.zeros(60, dtype=np.int64)
    verdict = judge(same, same, {"champion": same}, POLICY)
    assert not verdict.passed
    assert "would show it, if they are as these" in verdict.summary()
    assert judge(
        np.zeros(140, dtype=np.int64),
        np.zeros(140, dtype=np.int64),
        {"champion": np.zeros(140, dtype=np.int64)},
        POLICY,
    ).passed


def test_a_control_only_must_not_be_shown_to_be_better(truth: np.ndarray) -> None:
    challenger, control = answers(truth, 10), answers(truth, 10, start=100)
    assert judge(truth, challenger, {}, POLICY, controls={"target-only control": control}).passed
    verdict = judge(truth, answers(truth, 30), {}, POLICY, controls={"target-only control": answers(truth, 5)})
    assert "worse than the target-only control" in verdict.summary()


def test_a_class_may_lose_to_a_base_that_answers_little_else(truth: np.ndarray) -> None:
    # A base that says 0 to nearly everything reads class 0 perfectly; that is no reason to keep it.
    base = np.where(np.arange(len(truth)) % 3 > 0, 0, truth)
    challenger = answers(truth, 60)
    assert judge(truth, challenger, {"base": base}, POLICY).passed


def test_a_class_that_is_hardly_read_any_more_is_refused(truth: np.ndarray) -> None:
    challenger = np.where(truth == 4, 9, truth)
    base = answers(truth, 80)
    assert "class '4' collapsed" in judge(truth, challenger, {"base": base}, POLICY).summary()


def test_it_is_said_how_many_rows_like_those_seen_would_do() -> None:
    needed = rows_until(5, 4, 15, 0.02)
    assert needed is not None
    assert needed > 15
    assert lower_bound(round(5 * needed / 15), round(4 * needed / 15), needed) >= -0.02
    assert rows_until(0, 0, 20, 0.02) == pytest.approx(133, abs=3)
    assert rows_until(8, 1, 20, 0.02) == 20  # they show it already


def test_rows_that_speak_against_the_challenger_promise_nothing() -> None:
    truth = np.zeros(40, dtype=np.int64)
    slightly = truth.copy()
    slightly[:2] = 1
    verdict = judge(truth, slightly, {"base": truth}, POLICY)
    assert rows_until(0, 2, 40, 0.02) is None
    assert "these rather speak against it" in verdict.summary()
