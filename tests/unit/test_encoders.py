"""One suite for every encoder: a new file under lepton/models/encoders/ is tested by being there."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
import torch

from lepton.core.config.settings import PretrainConfig
from lepton.models import format as model_format
from lepton.models.device import repeatable
from lepton.models.encoders import all_encoders
from lepton.models.export import export
from lepton.models.model import Model
from lepton.pretraining import pretrain
from lepton.transfer import TargetData, all_strategies
from tests.unit.factories import SMALL, classes_of, rows

PAIRS = [(name, kind) for name, encoder in all_encoders().items() for kind in encoder.kinds]
each_encoder = pytest.mark.parametrize(("name", "kind"), PAIRS)


@cache
def trained(name: str, kind: str) -> Model:
    """A base with this encoder for rows of this kind; tests must not change it."""
    config = PretrainConfig(epochs=4, fewest_steps=0, batch_size=32, lr=1e-2)
    encoder = SMALL.model_copy(update={"name": name})
    return pretrain(rows(kind, 300, seed=1), classes_of(3), encoder, config, threads=1).model


@each_encoder
def test_it_learns_and_gives_an_embedding_of_the_asked_size(name: str, kind: str) -> None:
    model = trained(name, kind)
    table = rows(kind, 90, seed=7)
    assert model.features(table).shape == (90, model.feature_dim)
    right = model.predict_proba(table).argmax(axis=1) == model.label_indices(table.labels)
    assert right.mean() > 0.7


@each_encoder
def test_a_row_is_answered_the_same_whatever_lies_beside_it(name: str, kind: str) -> None:
    model = trained(name, kind)
    table = rows(kind, 30, seed=7)
    alone = torch.cat([model.features(table.take([k])) for k in range(30)])
    torch.testing.assert_close(model.features(table), alone, rtol=1e-4, atol=1e-5)


@each_encoder
def test_its_depth_groups_are_all_of_it_from_the_input_to_the_embedding(name: str, kind: str) -> None:
    encoder = trained(name, kind).encoder
    groups = [id(p) for group in encoder.depth_groups() for p in group.parameters()]
    assert sorted(groups) == sorted(id(p) for p in encoder.parameters())


@each_encoder
def test_saved_and_loaded_it_answers_with_the_same_bits(name: str, kind: str, tmp_path: Path) -> None:
    model = trained(name, kind)
    table = rows(kind, 20, seed=7)
    loaded = model_format.load(model_format.save(model, tmp_path / "model"))
    assert torch.equal(loaded.features(table), model.features(table))


@each_encoder
def test_it_is_exported_for_any_number_of_rows(name: str, kind: str, tmp_path: Path) -> None:
    model = trained(name, kind)
    export(tmp_path, model)  # compares the graph's answers with the model's, also those to one row alone


@each_encoder
@pytest.mark.parametrize("strategy", all_strategies(), ids=str)
def test_every_strategy_works_on_it(name: str, kind: str, strategy) -> None:
    model = trained(name, kind)
    table = rows(kind, 30, seed=8)
    with repeatable(1):
        adapted = strategy.adapt(model, TargetData.of(model, table), 0)
    assert torch.isfinite(adapted(model.inputs.to_tensor(table))).all()
