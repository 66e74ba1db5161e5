"""Metrics and splits: what must hold whatever the numbers."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from lepton.core.errors import LeptonError
from lepton.core.metrics import evaluate
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
    assert (found["precision"], found["recall"], found["f1"]) == pytest.approx(macro[:3])
    assert found["log_loss"] == pytest.approx(reference.log_loss(y, p, labels=range(len(classes))), rel=1e-3, abs=1e-3)
    assert 0 <= found["ece"] <= 1
    json.dumps(found, allow_nan=False)


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
    assert list(split_of([f"{i.split('~')[0]}~late~2" for i in ids])) == list(split_of(ids))


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
