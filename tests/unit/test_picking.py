"""Rows to label next: distinct, the same for the same seed, each with the same chance, spread over what differs."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lepton.core.decisions.gate import GatePolicy, judge
from lepton.transfer.picking import Picks, evenly, pick_rows_to_label

SIZES = st.integers(min_value=1, max_value=120)
SEEDS = st.integers(min_value=0, max_value=2**40)


def rows(size: int, seed: int, classes: int = 3) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
    """Return ids, probabilities, embeddings and where another model differs, of made-up rows."""
    random = np.random.default_rng(seed)
    chances = random.dirichlet(np.ones(classes), size)
    embedding = chances @ random.normal(size=(classes, 4)) + 0.1 * random.normal(size=(size, 4))
    return [f"r{k}" for k in range(size)], chances, embedding.astype(np.float32), random.random(size) < 0.2


def picked(size: int, n: int, seed: int) -> list[str]:
    ids, *seen = rows(size, seed)
    return [ids[at] for at in pick_rows_to_label(ids, *seen, n, seed).rows]


@settings(max_examples=40, deadline=None)
@given(size=SIZES, n=st.integers(1, 150), seed=SEEDS)
def test_as_many_as_asked_for_are_picked_once_each_and_fewer_are_the_first_of_more(
    size: int, n: int, seed: int
) -> None:
    found = picked(size, n, seed)
    assert len(found) == len(set(found)) == min(n, size)
    assert picked(size, n, seed) == found
    assert picked(size, max(1, n // 2), seed) == found[: max(1, n // 2)]


@settings(max_examples=20, deadline=None)
@given(size=SIZES, n=st.integers(1, 30), seed=SEEDS)
def test_the_order_in_which_rows_come_does_not_count(size: int, n: int, seed: int) -> None:
    ids, *seen = rows(size, seed)
    other = np.random.default_rng(seed + 1).permutation(size)
    found = pick_rows_to_label([ids[at] for at in other], *(part[other] for part in seen), n, seed)
    assert [ids[other[at]] for at in found.rows] == picked(size, n, seed)


@given(places=st.integers(1, 60), n=st.integers(1, 70))
def test_from_every_place_to_begin_at_each_row_is_picked_as_often_as_any_other(places: int, n: int) -> None:
    starts = [(place + 0.37) / places for place in range(places)]
    times = Counter(at for start in starts for at in evenly(places, n, start))
    assert dict(times) == dict.fromkeys(range(places), min(n, places))


@given(start=st.floats(0, 1, exclude_max=True), n=st.integers(1, 100), begin=st.floats(0, 1), length=st.floats(0, 1))
def test_every_stretch_of_the_line_has_its_share_of_any_number_of_picks(
    start: float, n: int, begin: float, length: float
) -> None:
    places = 5000
    found = evenly(places, n, start) / places
    inside = (found >= begin) & (found < begin + length)
    share = min(length, 1 - begin) if begin < 1 else 0.0
    assert abs(inside.sum() - n * share) <= 3


@pytest.mark.parametrize("n", [10, 20, 40])
def test_classes_clusters_and_rows_on_which_the_models_differ_have_their_shares(n: int) -> None:
    ids, chances, embedding, differ = rows(3000, 5)
    found: Picks = pick_rows_to_label(ids, chances, embedding, differ, n, seed=1)
    assert abs(differ[found.rows].sum() - n * differ.mean()) <= 2
    for label in range(3):
        assert abs((found.classes[found.rows] == label).sum() - n * (found.classes == label).mean()) <= 3
    assert len(set(found.clusters[found.rows])) >= 5


def test_a_stratified_sample_estimates_the_difference_of_two_models_better_than_a_blind_one() -> None:
    """What the spread is for: where the models differ, one is right more often in one class than in another."""
    ids, chances, embedding, differ = rows(2000, 7)
    classes = chances.argmax(axis=1)
    gain = np.where(differ, np.where(classes == 0, 1, -1), 0)
    random = np.random.default_rng(0)
    drawn = [gain[pick_rows_to_label(ids, chances, embedding, differ, 60, seed).rows].mean() for seed in range(40)]
    blind = [gain[random.choice(2000, 60, replace=False)].mean() for _ in range(400)]
    assert abs(np.mean(drawn) - gain.mean()) < 0.02
    assert np.std(drawn) < 0.6 * np.std(blind)


def test_the_share_of_right_answers_among_the_picks_is_not_drawn_down_by_doubtful_rows() -> None:
    """Picks by doubt would measure an accuracy far too low: see the module."""
    ids, chances, embedding, _ = rows(2000, 9)
    right = np.random.default_rng(1).random(2000) < chances.max(axis=1)
    seen = [right[pick_rows_to_label(ids, chances, embedding, None, 50, seed).rows].mean() for seed in range(40)]
    doubtful = right[np.argsort(chances.max(axis=1))[:50]].mean()
    assert abs(np.mean(seen) - right.mean()) < 0.03
    assert doubtful < right.mean() - 0.15


def test_a_challenger_that_breaks_sure_rows_passes_on_labels_picked_by_doubt_and_not_on_these() -> None:
    """Why doubtful rows are not taken more often, told by the gate itself."""
    ids, chances, embedding, _ = rows(2000, 11)
    random, truth = np.random.default_rng(2), np.zeros(2000, dtype=np.int64)
    sure = np.argsort(chances.max(axis=1))[200:]
    serving = random.random(2000) > chances.max(axis=1)  # true where it is wrong
    challenger = np.zeros(2000, dtype=bool)
    challenger[sure] = serving[sure] | (random.random(1800) < 0.15)
    assert challenger.mean() > serving.mean() + 0.02  # worse by more than the margin

    def passes(at: np.ndarray) -> bool:
        answers = {"base": serving[at].astype(np.int64)}
        return judge(truth[at], challenger[at].astype(np.int64), answers, GatePolicy(0.02)).passed

    differ = challenger != serving
    evenly_spread = [pick_rows_to_label(ids, chances, embedding, differ, 200, seed).rows for seed in range(40)]
    assert passes(np.argsort(chances.max(axis=1))[:200])
    assert np.mean([passes(at) for at in evenly_spread]) <= 0.05


def test_another_seed_and_other_rows_begin_elsewhere() -> None:
    ids, *seen = rows(200, 3)
    first, second = (list(pick_rows_to_label(ids, *seen, 10, seed).rows) for seed in (1, 2))
    assert first != second


def test_rows_that_are_all_the_same_are_picked_all_the_same() -> None:
    same = np.full((7, 2), 0.5)
    found = pick_rows_to_label([str(k) for k in range(7)], same, np.ones((7, 3)), None, 4, seed=0)
    assert len(set(found.rows)) == 4
    assert set(found.clusters) == {0}
