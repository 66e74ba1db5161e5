"""What few labels prove: how often they are right, how often they are wrong, and that one may look as one likes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lepton.core.decisions.sequential import ENOUGH, RATE, chance, evidence, interval, proves


def drawn(wrong: int, n: int, usual_right: int, usual: int) -> float:
    """The chance of so many wrong answers if nothing is lost: Polya's urn, written another way."""
    a, b = usual_right + 0.5, usual - usual_right + 0.5

    def beta(x: float, y: float) -> float:
        return math.lgamma(x) + math.lgamma(y) - math.lgamma(x + y)

    return math.comb(n, wrong) * math.exp(beta(a + n - wrong, b + wrong) - beta(a, b))


references = st.tuples(st.integers(60, 2000), st.floats(0.5, 1.0)).map(lambda pair: (round(pair[0] * pair[1]), pair[0]))


@given(references, st.integers(1, 80))
@settings(max_examples=40, deadline=None)
def test_who_bets_on_a_loss_wins_nothing_on_average_if_nothing_is_lost(reference, n):
    usual_right, usual = reference
    mean = sum(drawn(k, n, usual_right, usual) * evidence(n - k, n, usual_right, usual) for k in range(n + 1))
    assert mean == pytest.approx(1.0, rel=1e-6)


@given(references, st.integers(0, 60), st.integers(0, 60))
@settings(max_examples=60, deadline=None)
def test_the_capital_is_a_martingale_from_label_to_label(reference, right, wrong):
    (usual_right, usual), n = reference, right + wrong
    again = (usual_right + 0.5 + right) / (usual + 1 + n)
    after = again * evidence(right + 1, n + 1, usual_right, usual)
    after += (1 - again) * evidence(right, n + 1, usual_right, usual)
    assert after == pytest.approx(evidence(right, n, usual_right, usual), rel=1e-6)


@given(references, st.integers(1, 80))
@settings(max_examples=40, deadline=None)
def test_chances_are_those_of_the_urn(reference, n):
    usual_right, usual = reference
    assert chance(n, n, usual_right, usual) == pytest.approx(1.0, rel=1e-6)
    assert chance(0, n, usual_right, usual) == pytest.approx(drawn(n, n, usual_right, usual), rel=1e-6)


@given(references, st.integers(1, 200), st.data())
@settings(max_examples=60, deadline=None)
def test_more_wrong_answers_prove_no_less(reference, n, data):
    right = data.draw(st.integers(1, n))
    if proves(right, n, *reference):
        assert proves(right - 1, n, *reference)


@pytest.mark.parametrize(("usual_right", "usual"), [(198, 200), (388, 400), (475, 500), (1800, 2000)])
@pytest.mark.parametrize("portion", [1, 7, 20, 60])
def test_labels_in_portions_seldom_prove_a_loss_that_is_none_however_often_one_looks(usual_right, usual, portion):
    """Exactly: every path of the urn is followed over 240 labels, with a look after every portion."""
    most, mass, crossed, tested = 240, np.zeros(242), 0.0, 0
    mass[0] = 1.0
    for n in range(most):
        errors = np.arange(n + 1)
        up = mass[: n + 1] * (usual - usual_right + 0.5 + errors) / (usual + 1 + n)
        mass[: n + 1] -= up
        mass[1 : n + 2] += up
        if (n + 1) % portion == 0:
            over = [k for k in range(n + 2) if mass[k] and proves(n + 1 - k, n + 1, usual_right, usual, tested)]
            crossed += float(mass[over].sum())
            mass[over] = 0.0
            tested = n + 1
    assert crossed <= RATE


@pytest.mark.parametrize(("accuracy", "usual"), [(0.99, 400), (0.98, 400), (0.98, 2000)])
def test_sixty_labels_prove_a_loss_of_fifteen_points(accuracy, usual):
    rng = np.random.default_rng(0)
    found = [proves(int(rng.binomial(60, accuracy - 0.15)), 60, round(accuracy * usual), usual) for _ in range(2000)]
    assert np.mean(found) >= 0.94


def test_the_exact_proof_is_tried_once_and_betting_goes_on():
    right, labelled, reference = 53, 60, (392, 400)
    assert proves(right, labelled, *reference)
    assert not proves(right, labelled, *reference, tested=ENOUGH)
    assert proves(30, labelled, *reference, tested=ENOUGH)
    assert proves(2, 8, *reference)  # fewer than the exact proof asks for, and beyond doubt


def test_nothing_is_proven_by_nothing_or_by_more_right_answers():
    assert not proves(0, 0, 90, 100)
    assert not proves(95, 100, 90, 100)
    assert not proves(0, 10, 0, 0)


@given(references, st.integers(1, 200), st.data())
@settings(max_examples=60, deadline=None)
def test_the_interval_holds_what_was_found(reference, n, data):
    right = data.draw(st.integers(0, n))
    low, high = interval(right, n, *reference)
    assert low <= reference[0] / reference[1] - right / n <= high
    assert -1.001 <= low <= high <= 1.001
