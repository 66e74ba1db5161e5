"""Signals, label shift and ancestors: what cheap looks at a target say."""

import numpy as np
import pytest
import torch

from lepton.models.label_mix import bbse, mlls
from lepton.models.statistics import summarise
from lepton.transfer.ancestors import choose_ancestor, frechet
from lepton.transfer.label_shift import plausible_prior, source_prior
from lepton.transfer.signals import Signals, a_distance, h_score, log_me, measure, probe_accuracy
from lepton.transfer.strategy import TargetData
from tests.unit.factories import base, images, names, rows


def clusters(apart, n=120, k=3, d=8, seed=0):
    random = np.random.default_rng(seed)
    y = np.arange(n) % k
    return np.eye(k, d)[y] * apart + random.normal(0, 1, (n, d)), y


def test_embeddings_that_tell_the_classes_apart_score_higher():
    near, y = clusters(0.3)
    far, _ = clusters(6.0)
    for score in (h_score, log_me, probe_accuracy):
        assert score(far, y) > score(near, y) + 0.1


def test_scores_that_lack_labels_are_unknown():
    h, y = clusters(3.0)
    assert h_score(h[:3], y[:3]) is None
    assert log_me(h[:3], np.zeros(3, dtype=np.int64)) is None
    assert probe_accuracy(h[:1], y[:1]) is None


def test_domains_that_are_the_same_are_near_and_others_far():
    one, other = clusters(1.0, 400, seed=1)[0], clusters(1.0, 400, seed=2)[0]
    assert a_distance(one, other) < 0.4
    assert a_distance(one, other + 5) > 1.9
    assert a_distance(one[:5], other) is None


@pytest.mark.parametrize("kind", ["image", "tabular"])
def test_signals_are_measured_and_survive_json(kind):
    table = rows(kind, 60, seed=2)
    some = table.with_labels(names([*table.labels[:30], *[None] * 30]))
    found = measure(base(kind), TargetData.of(base(kind), some, inputs=False))
    assert (found.rows, found.labels, found.classes, found.per_class) == (60, 30, 3, 10)
    assert 0 <= found.base_accuracy <= 1
    assert Signals.from_json(found.to_json()) == found


def shifted(shares, n=2000, seed=0):
    """Return calibrated probabilities of rows from two overlapping classes each, learnt with equal shares."""
    random = np.random.default_rng(seed)
    k = len(shares)
    y = random.choice(k, n, p=shares)
    x = np.eye(k)[y] * 2 + random.normal(0, 1, (n, k))
    logits = 2 * x  # the likelihood ratio of unit normals two apart, equal shares
    return torch.softmax(torch.tensor(logits), dim=1), torch.tensor(y)


def test_both_estimates_find_the_shares_of_shifted_classes():
    equal = torch.full((3,), 1 / 3, dtype=torch.float64)
    wanted = torch.tensor([0.7, 0.2, 0.1], dtype=torch.float64)
    chances, _ = shifted([0.7, 0.2, 0.1])
    learnt, y = shifted([1 / 3] * 3, seed=1)
    confusion = torch.stack([learnt[y == c].mean(dim=0) for c in range(3)])
    for found in (mlls(chances, equal), bbse(chances, confusion, equal)):
        assert float(found.sum()) == pytest.approx(1)
        assert float((found - wanted).abs().sum()) < 0.25
    assert float((mlls(chances, equal) - wanted).abs().sum()) < 0.1


def test_a_base_that_is_unsure_is_not_trusted_with_the_shares():
    model = base("image")
    unsure = model.replace(temperature=50.0)
    features = model.features(images(60))
    torch.testing.assert_close(plausible_prior(unsure, features), source_prior(unsure))
    assert float(plausible_prior(model, features[:0]).sum()) == pytest.approx(1)


def test_the_distance_to_ones_own_domain_is_zero():
    model = base("image")
    features = model.features(images(200, seed=9))
    known = summarise(model, features, torch.full((200,), -1))
    assert frechet(features, known) == pytest.approx(0, abs=1e-4)
    assert frechet(features + 3, known) > 1


def test_without_labels_the_model_whose_own_domain_is_near_is_the_start():
    model, table = base("image"), images(80, seed=7)
    features = model.features(table)
    near, far = model.replace(), model.replace()
    near.statistics = summarise(model, features, torch.full((80,), -1))
    far.statistics = summarise(model, features + 10, torch.full((80,), -1))
    best, scores = choose_ancestor({"far": far, "near": near}, table.without_labels())
    assert best == "near"
    assert scores[0].distance < scores[1].distance
