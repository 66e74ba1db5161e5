"""Pretraining, feature cache, augmentation, temperature."""

import math

import numpy as np
import pytest
import torch

from lepton.core.config.settings import PretrainConfig
from lepton.core.errors import LeptonError, UsageError
from lepton.models.augment import PRETRAINING, augment
from lepton.models.calibration import fit_temperature
from lepton.models.device import generator
from lepton.models.features import FeatureCache
from lepton.pretraining import pretrain
from tests.unit.factories import SMALL, base, classes_of, images, names, rows

SHORT = PretrainConfig(epochs=2, batch_size=32, lr=1e-2)


def short(table, config=SHORT, seed=0, **more):
    return pretrain(table, classes_of(3), SMALL, config, seed=seed, threads=1, **more)


@pytest.mark.parametrize("kind", ["image", "tabular"])
def test_a_base_learns_its_source(kind):
    done = short(rows(kind, 600), PretrainConfig(epochs=6, batch_size=32, lr=1e-2))
    assert done.test["accuracy"] > 0.9
    assert done.val["n"] + done.test["n"] + done.rows == 600


@pytest.mark.parametrize("kind", ["image", "tabular"])
def test_same_seed_same_base_bit_for_bit(kind):
    table = rows(kind, 120)
    torch.manual_seed(1)
    first = short(table)
    torch.manual_seed(2)
    second, other = short(table), short(table, seed=1)
    assert first.model.digest() == second.model.digest() != other.model.digest()
    assert [c["val_loss"] for c in first.curves] == [c["val_loss"] for c in second.curves]


def test_curves_and_progress_are_reported():
    calls = []
    done = short(images(120), progress=lambda *call: calls.append(call))
    assert [c["epoch"] for c in done.curves] == [1, 2]
    assert set(done.curves[0]) == {"epoch", "train_loss", "val_loss", "val_accuracy", "lr", "seconds"}
    assert calls[-1][0] == calls[-1][1] == len(calls)


def test_training_stops_when_validation_no_longer_improves_and_keeps_the_best_epoch():
    table = images(200)
    random = np.random.default_rng(0)
    noise = table.with_labels(names([f"c{v}" for v in random.integers(0, 3, 200)]))
    done = short(noise, PretrainConfig(epochs=40, patience=2, batch_size=32, lr=1e-2, augment=False))
    losses = [c["val_loss"] for c in done.curves]
    assert len(losses) == max(done.best_epoch, 20) + 2 < 40
    assert losses[done.best_epoch - 1] == min(losses)


def test_a_loss_that_is_not_a_number_stops_and_names_the_epoch(monkeypatch):
    from lepton.pretraining import supervised

    def broken(x, *_):
        return x * math.nan

    monkeypatch.setattr(supervised, "augment", broken)
    with pytest.raises(LeptonError, match="nan in epoch 1, step 1"):
        short(images(120))


def test_too_few_rows_one_class_and_strange_labels_are_refused():
    with pytest.raises(LeptonError, match="too few labelled rows"):
        short(images(20))
    with pytest.raises(LeptonError, match="too few labelled rows"):
        short(images(120).without_labels())
    table = images(120)
    with pytest.raises(LeptonError, match="have one label"):
        short(table.with_labels(names(["c1"] * 120)))
    with pytest.raises(LeptonError, match="does not know 1 of the labels: O"):
        short(table.with_labels(names(["O", "c1"] * 60)))


def test_an_unknown_objective_or_encoder_is_named_with_the_nearest():
    with pytest.raises(UsageError, match="supervized") as error:
        short(images(120), PretrainConfig(objective="supervized"))
    assert "'supervised'" in error.value.why
    with pytest.raises(UsageError, match="reads tabular rows"):
        pretrain(images(120), classes_of(3), SMALL.model_copy(update={"name": "mlp"}), SHORT, threads=1)


@pytest.mark.parametrize("kind", ["image", "tabular"])
def test_augmentation_keeps_the_shape_and_depends_on_its_generator_alone(kind):
    model = base(kind)
    x = model.inputs.to_tensor(rows(kind, 9))
    torch.manual_seed(1)
    first = augment(x, model.inputs, PRETRAINING, generator(0))
    torch.manual_seed(2)
    assert torch.equal(first, augment(x, model.inputs, PRETRAINING, generator(0)))
    assert first.shape == x.shape
    assert not torch.equal(first, x)


def test_features_are_computed_once_and_stale_or_damaged_ones_never_met(tmp_path, monkeypatch):
    model, table, cache = base("image"), images(10), FeatureCache(tmp_path)
    fresh = model.features(table)
    assert torch.equal(cache.get(model, table), fresh)
    (entry,) = tmp_path.iterdir()
    with monkeypatch.context() as patch:
        patch.setattr(type(model), "features", lambda *_: pytest.fail("computed again"))
        assert torch.equal(cache.get(model, table), fresh)
        assert torch.equal(cache.get(model, table.without_labels()), fresh)  # labels do not matter
    entry.write_bytes(entry.read_bytes()[:-7])
    assert torch.equal(cache.get(model, table), fresh)
    changed = model.replace()
    next(changed.encoder.parameters()).data.mul_(1.5)
    assert not torch.equal(cache.get(changed, table), fresh)


def test_the_cache_forgets_the_oldest_when_full(tmp_path):
    cache = FeatureCache(tmp_path, limit=1000)
    for seed in range(4):
        cache.get(base("image"), images(10, seed=seed))
    assert sum(p.stat().st_size for p in tmp_path.iterdir()) <= 1000


def test_the_temperature_undoes_overconfidence():
    source = generator(0)
    logits = torch.randn(2000, 3, generator=source) * 2
    labels = torch.multinomial(logits.softmax(1), 1, generator=source).flatten()
    assert fit_temperature(logits * 4, labels) == pytest.approx(4, rel=0.15)
    assert fit_temperature(logits, torch.full((2000,), -1), start=1.7) == 1.7
    assert 0.5 < fit_temperature(logits[:1] * 100, logits[:1].argmax(1)) < 1.5  # one row is no licence for certainty
