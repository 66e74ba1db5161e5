"""Cross-fitted answers: the choice among candidates is inside, and the test on them holds its level."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import pytest

from lepton.core.decisions.gate import GatePolicy, Verdict, judge
from lepton.transfer.attempt import Measured
from lepton.transfer.choice import IntArray
from lepton.transfer.crossfit import FEWEST, FOLDS, CrossFitted, Z, cross_fit

CANDIDATES, MARGIN = 8, 0.02
POLICY = GatePolicy(MARGIN, min_rows=FEWEST, z=Z)


def by_gain(measured: Mapping[str, Measured]) -> list[str]:
    """Rank as the planner does where all promise the same: by the measured gain, drawn towards none."""
    return sorted(measured, key=lambda label: -(measured[label].gain or 0.0) / (1 + measured[label].sd ** 2 / 100))


def answers(truth: IntArray, right: np.ndarray, classes: int) -> np.ndarray:
    """Return (m, k) probabilities that name the truth where `right`, else the next class."""
    return np.eye(classes)[np.where(right, truth, (truth + 1) % classes)]


def drawn(
    n: int, classes: int, gain: float, seed: int, accuracy: float = 0.8, lost: float = 0.1
) -> tuple[IntArray, dict[str, np.ndarray]]:
    """Return labels, and answers of the base and of candidates that are all better than it by `gain`."""
    random = np.random.default_rng([seed, classes])
    truth = random.integers(classes, size=n)
    base = random.random(n) < accuracy
    won = (gain + lost * accuracy) / (1 - accuracy)
    found = {"none": answers(truth, base, classes)}
    for k in range(CANDIDATES):
        right = np.where(base, random.random(n) >= lost, random.random(n) < won)
        found[f"c{k}"] = answers(truth, right, classes)
    return truth, found


def fitted(truth: IntArray, found: Mapping[str, np.ndarray], seed: int) -> CrossFitted | None:
    order = [label for label in by_gain({k: Measured(0.0, 1.0) for k in found}) if label != "none"]
    return cross_fit([*order, "none"], found, truth, by_gain, seed)


def verdict_on(n: int, classes: int, gain: float, seed: int, *as_drawn: float) -> Verdict:
    truth, found = drawn(n, classes, gain, seed, *as_drawn)
    nested = fitted(truth, found, seed)
    assert nested is not None
    return judge(truth, nested.answers, {"base": found["none"].argmax(axis=1)}, POLICY)


@pytest.mark.parametrize("n", [6, 10, 20, 40, 100, 400])
def test_the_best_of_many_that_lose_the_margin_is_seldom_let_through(n: int) -> None:
    draws = 150
    passed = [verdict_on(n, classes, -MARGIN, seed).passed for classes in (2, 6, 10) for seed in range(draws)]
    assert np.mean(passed) <= 0.08  # 5 % is the level; of 450 draws three standard errors are 3 %


def test_the_best_of_many_by_all_labels_would_be_let_through_too_often() -> None:
    """What the nesting is for: the same test on the answers of the candidate that looks best."""
    passed = 0
    for seed in range(200):
        truth, found = drawn(100, 2, -MARGIN, seed)
        best = max((label for label in found if label != "none"), key=lambda k: (found[k].argmax(1) == truth).mean())
        rivals = {"base": found["none"].argmax(axis=1)}
        passed += judge(truth, found[best].argmax(axis=1), rivals, GatePolicy(MARGIN)).passed
    assert passed / 200 > 0.15


@pytest.mark.parametrize(("n", "least"), [(20, 0.35), (40, 0.7)])
def test_a_large_gain_is_proven_by_few_labels(n: int, least: float) -> None:
    assert np.mean([verdict_on(n, 2, 0.25, seed, 0.55, 0.05).passed for seed in range(100)]) >= least


def test_every_row_is_answered_by_what_the_other_folds_would_have_chosen() -> None:
    truth = np.zeros(10, dtype=np.int64)
    right, wrong = np.eye(2)[np.zeros(10, dtype=int)], np.eye(2)[np.ones(10, dtype=int)]
    asked: list[dict[str, Measured]] = []

    def rerank(measured: Mapping[str, Measured]) -> list[str]:
        asked.append(dict(measured))
        return ["unmeasured", "good", "bad", "none"]

    found = cross_fit(
        ["unmeasured", "bad", "good", "none"],
        {
            "none": wrong,
            "good": right,
            "bad": wrong,
            "unmeasured": np.empty((0, 2)),
        },
        truth,
        rerank,
    )
    assert found is not None
    assert found.label == "bad"  # the first of the ranking that has answers
    assert found.answers.tolist() == [0] * 10
    assert len(asked) == FOLDS
    assert all(set(one) == {"none", "good", "bad"} and one["good"].gain == 100 for one in asked)


@pytest.mark.parametrize(
    ("ranking", "held_back", "labels"),
    [(["none", "a"], 8, 8), (["a", "none"], 0, 8), (["a", "none"], 1, 1), (["a", "none"], 0, 0)],
)
def test_nothing_testifies_where_nothing_was_held_back_or_the_ancestor_is_the_best(
    ranking: list[str], held_back: int, labels: int
) -> None:
    truth = np.zeros(labels, dtype=np.int64)
    found = {"none": np.full((labels, 2), 0.5), "a": np.full((held_back, 2), 0.5)}
    assert cross_fit(ranking, found, truth, by_gain) is None


def test_the_same_labels_make_the_same_answers() -> None:
    truth, found = drawn(30, 3, 0.1, 1)
    again = partial(fitted, truth, found)
    first, second = again(5), again(5)
    assert first is not None
    assert second is not None
    assert first.answers.tolist() == second.answers.tolist()
