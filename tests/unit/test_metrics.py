"""Metrics and splits: what must hold whatever the numbers."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from lepton.core.errors import LeptonError
from lepton.core.metrics import evaluate, unjudged
from lepton.core.splits import pick_per_class, split, split_of
from tests.unit.factories import columns, names


@st.composite
def answers(draw):
    n, k = draw(st.integers(1, 40)), draw(st.integers(2, 6))
    random = np.random.default_rng(draw(st.integers(0, 2**31)))
    p = 0.001 / k + 0.999 * random.dirichlet(np.full(k, draw(st.sampled_from([0.05, 1.0, 20.0]))), n)
    return p, random.integers(0, k, n), [str(c) for c in range(k)]


@given(answers())
@settings(max_examples=60, deadline=None)
def test_scores_agree_with_scikit_learn(given):
    p, y, classes = given
    found, predicted = evaluate(p, y, classes), p.argmax(axis=1)
    macro = reference.precision_recall_fscore_support(y, predicted, average="macro", zero_division=0)
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(y, predicted))
    if len(set(y)) == len(classes):
        assert (found["precision"], found["recall"], found["f1"]) == pytest.approx(macro[:3])
    assert found["log_loss"] == pytest.approx(reference.log_loss(y, p, labels=range(len(classes))), rel=1e-3, abs=1e-3)
    assert 0 <= found["ece"] <= 1
    json.dumps(found, allow_nan=False)


def test_a_class_that_no_row_has_is_not_judged_and_leaves_no_mean_over_the_classes():
    found = evaluate(np.array([[0.9, 0.1], [0.8, 0.2]]), np.array([0, 0]), ["ok", "fraud"])
    assert found["accuracy"] == 1
    assert (found["precision"], found["recall"], found["f1"]) == (None, None, None)
    assert unjudged(found) == ["fraud"]


@given(answers())
@settings(max_examples=20, deadline=None)
def test_unknown_labels_are_left_out(given):
    p, y, classes = given
    more = np.concatenate([p, p]), np.concatenate([y, np.full(len(y), -1)])
    assert evaluate(*more, classes) == evaluate(p, y, classes)


def test_sure_and_right_is_calibrated_and_sure_and_wrong_is_not():
    p = np.eye(2)[[0, 1, 0, 1]]
    assert evaluate(p, np.array([0, 1, 0, 1]), ["a", "b"])["ece"] == 0
    assert evaluate(p, np.array([1, 0, 1, 0]), ["a", "b"])["ece"] == 1


def test_no_label_at_all_is_an_error():
    with pytest.raises(LeptonError, match="no labelled row"):
        evaluate(np.eye(2), np.array([-1, -1]), ["a", "b"])


@given(st.lists(st.text(min_size=1), min_size=1, max_size=50), st.text())
@settings(max_examples=50, deadline=None)
def test_a_row_keeps_its_split_whatever_else_is_delivered(ids, other):
    assert list(split_of([other, *ids]))[1:] == list(split_of(ids))


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=50))
@settings(max_examples=20, deadline=None)
def test_rows_of_equal_content_share_a_split_whatever_their_batch(contents):
    first, second = ([f"{c:016x}~{batch}~{k}" for c in contents] for batch, k in (("early", 0), ("late-2", 17)))
    assert list(split_of(first)) == list(split_of(second))


@pytest.mark.parametrize("site", ["site7~", "site7~march~", "0123456789abcdef~", "0123456789ABCDEF~march~"])
def test_given_ids_are_never_cut_whatever_they_look_like(site):
    assert set(split_of([f"{site}{k}" for k in range(500)])) == {"train", "val", "test"}


def test_the_splits_divide_the_rows_about_6_2_2():
    rows = columns(3000)
    parts = [len(split(rows, name)) / 3000 for name in ("train", "val", "test")]
    assert parts == pytest.approx([0.6, 0.2, 0.2], abs=0.03)
    assert sum(parts) == pytest.approx(1)


@given(st.integers(1, 10), st.integers(0, 5))
@settings(max_examples=20, deadline=None)
def test_fewer_picks_are_a_part_of_more(per_class, seed):
    rows = columns(60)
    fewer, more = (set(pick_per_class(rows, n, seed).ids) for n in (per_class, per_class + 1))
    assert fewer < more
    assert len(fewer) == 3 * per_class


def test_too_few_labels_name_the_class_and_the_numbers():
    rows = columns(9)
    with pytest.raises(LeptonError, match="4 per class") as error:
        pick_per_class(rows.with_labels(names(["c0"] * 5 + ["c1"] * 2 + [None] * 2)), 4)
    assert "'c1': 2" in error.value.why


def test_a_class_without_any_label_counts_as_none_found():
    rows = columns(9).with_labels(names(["c0"] * 5 + ["c1"] * 4))
    with pytest.raises(LeptonError, match="4 per class") as error:
        pick_per_class(rows, 4, classes=("c0", "c1", "c2"))
    assert error.value.why == "class 'c2': 0"
    assert len(pick_per_class(rows, 4)) == 8
    assert len(pick_per_class(rows, 4, at_most=True, classes=("c0", "c1", "c2"))) == 8
    assert list(pick_per_class(rows, 3, 1, classes=("c1", "c0")).ids) == list(pick_per_class(rows, 3, 1).ids)
