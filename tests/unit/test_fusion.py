"""How the pieces of an estimate are weighed, and how wide its interval is."""

from __future__ import annotations

import numpy as np
import pytest

from lepton.monitoring.fusion import Fusion
from lepton.monitoring.mixes import apart, plausible, steadiness
from lepton.monitoring.rightness import alike, chance, fit

RNG = np.random.default_rng(0)
KINDS = np.array(
    [f"quiet {k}" for k in range(6) for _ in range(10)] + [f"kind {k}" for k in range(6) for _ in range(10)]
)
PLACES = np.where(np.char.startswith(KINDS, "quiet")[:, None], 0.0, 1.0) + RNG.normal(0, 0.1, (120, 3))
TRUTH = np.where(np.char.startswith(KINDS, "quiet"), 0.9, 0.6) + RNG.normal(0, 0.01, 120)
BELIEVED = np.ones(120)


def fusion(good: float = 0.01, bad: float = 0.1) -> Fusion:
    """Two pieces: one errs by `good`, one by `bad`."""
    said = TRUTH[:, None] + RNG.normal(0, 1, (120, 2)) * (good, bad)
    return Fusion.of(PLACES, said, TRUTH, KINDS, BELIEVED)


def test_the_piece_that_erred_less_on_windows_like_this_one_weighs_more():
    found = fusion().fuse(PLACES[0], np.array([0.9, 0.7]))
    assert found.weights[0] > 0.8
    assert found.accuracy == pytest.approx(0.9, abs=0.03)


def test_pieces_that_disagree_widen_the_interval():
    one = fusion(0.02, 0.02)
    agreed, split = one.fuse(PLACES[0], np.array([0.9, 0.9])), one.fuse(PLACES[0], np.array([0.9, 0.5]))
    assert split.high - split.low > 2 * (agreed.high - agreed.low)


def test_a_piece_that_says_nothing_does_not_count():
    found = fusion().fuse(PLACES[0], np.array([np.nan, 0.8]))
    assert found.weights.tolist() == [0.0, 1.0]
    assert found.accuracy == pytest.approx(0.8)


def test_a_window_unlike_all_others_is_not_known_and_its_interval_is_wide():
    one, said = fusion(), np.array([0.9, 0.9])
    near, far = one.fuse(PLACES[0], said), one.fuse(PLACES[0] + 50, said)
    assert (near.known, far.known) == (True, False)
    assert far.high - far.low > near.high - near.low


def test_a_piece_that_late_labels_caught_erring_loses_its_weight():
    one, said = fusion(0.01, 0.02), np.array([0.9, 0.8])
    caught = np.array([[0.04, 0.0], [5, 0]])
    before, after = one.fuse(PLACES[0], said), one.fuse(PLACES[0], said, caught)
    assert before.weights[0] > 0.6
    assert after.weights[0] < 0.1


def test_the_lower_end_knows_that_labels_may_have_moved_where_nothing_shows():
    found = fusion(0.01, 0.01).fuse(PLACES[60], np.array([0.6, 0.6]))
    assert 0.6 - found.low > found.high - 0.6


def test_the_mix_is_as_steady_as_the_course_of_the_reference_and_a_far_move_is_hardly_believed():
    labels = np.array(["a", "b"] * 400, dtype=object)
    turned = np.array(["a"] * 400 + ["b"] * 400, dtype=object)
    assert apart(labels, turned) == 0
    assert apart(labels, np.array(["a", None, "a"], dtype=object)) == pytest.approx(0.5)
    assert (steadiness(labels), steadiness(turned)) == (0.1, 0.5)
    near, far = plausible(np.array([0.02, 0.6]), 0.1)
    assert near > 0.9
    assert far == pytest.approx(0.05)


def test_chances_are_calibrated_and_weights_make_one_set_of_rows_look_like_another():
    rng = np.random.default_rng(1)
    x = rng.normal(size=4000)
    columns = np.column_stack([np.ones(4000), x])
    right = rng.random(4000) < 1 / (1 + np.exp(-1 - x))
    assert chance(columns, fit(columns, right)).mean() == pytest.approx(right.mean(), abs=1e-3)
    moved = np.column_stack([np.ones(500), rng.normal(0.8, 1, 500)])
    weights = alike(columns, moved)
    assert weights.mean() == pytest.approx(1)
    assert np.average(x, weights=weights) == pytest.approx(0.8, abs=0.15)
