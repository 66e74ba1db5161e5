"""What reproduction compares: models with models, then with now, settings on record with settings of the day."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from lepton.models.deviation import deviation
from lepton.models.format import save
from lepton.models.model import Model
from lepton.registry.lineage.differences import differences
from lepton.registry.lineage.environment import dependencies, environment
from lepton.registry.lineage.record import Lineage
from lepton.transfer import all_strategies, get_strategy
from lepton.transfer.finetune import FinetuneConfig
from tests.unit.factories import base, images

NOW = {
    "code": {"version": "1.0", "revision": "a" * 40, "dirty": False},
    "libraries": {"python": "3.11.7", "torch": "2.13.0"},
    "dependencies": {"digest": "d" * 16, "count": 250, "lock": "e" * 64},
    "device": "cpu, AVX512, a processor, a system",
}


def made(**other: object) -> Lineage:
    return Lineage(strategy="probe", data={}, seed=0, **{**NOW, **other})


@pytest.fixture
def model() -> Model:
    return base("image")


def test_equal_models_are_identical(model: Model, tmp_path: Path) -> None:
    found = deviation(save(model, tmp_path / "a"), save(model.replace(), tmp_path / "b"), images(5))
    assert found.identical
    assert (found.weights, found.tensor, found.tensors[0], found.outputs, found.answers) == (0.0, "", 0, 0.0, 0)
    assert found.rows == 5


def test_the_last_bit_of_one_weight_is_found_and_named(model: Model, tmp_path: Path) -> None:
    other = model.replace()
    with torch.no_grad():
        other.head.weight[0, 0] = torch.nextafter(other.head.weight[0, 0], torch.tensor(9.0))
    found = deviation(save(model, tmp_path / "a"), save(other, tmp_path / "b"), images(5))
    assert not found.identical
    assert found.tensor == "head.weight"
    assert found.tensors[0] == 1
    assert found.weights is not None
    assert 0 < found.weights < 1e-6


def test_another_temperature_is_another_model_though_no_weight_differs(model: Model, tmp_path: Path) -> None:
    other = model.replace(temperature=model.temperature + 0.5)
    found = deviation(save(model, tmp_path / "a"), save(other, tmp_path / "b"), images(5))
    assert not found.identical
    assert (found.weights, found.temperature) == (0.0, pytest.approx(0.5))
    assert found.outputs is not None
    assert found.outputs > 0


def test_without_rows_both_are_asked_about_rows_that_are_made_up(model: Model, tmp_path: Path) -> None:
    found = deviation(save(model, tmp_path / "a"), save(model, tmp_path / "b"), images(5).take([]))
    assert found.rows > 0


def test_another_architecture_is_told_and_the_answers_are_still_compared(model: Model, tmp_path: Path) -> None:
    from lepton.models.adapters import Bottleneck

    other = model.replace(adapters=[Bottleneck(model.feature_dim, 4)])
    found = deviation(save(model, tmp_path / "a"), save(other, tmp_path / "b"), images(5))
    assert (found.identical, found.structure, found.weights) == (False, "another architecture", None)
    assert found.outputs == 0.0  # an adapter starts as nothing


def test_the_same_surroundings_do_not_differ() -> None:
    assert differences(made(), NOW) == ()
    assert differences(made(**environment()), environment())[1:] == ()  # but for uncommitted changes, where there are


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"code": {**NOW["code"], "revision": "b" * 40}}, ("revision", "b" * 12, "a" * 12)),
        ({"code": {**NOW["code"], "dirty": True}}, ("uncommitted changes", "yes", "no")),
        ({"libraries": {**NOW["libraries"], "torch": "2.12.0"}}, ("torch", "2.12.0", "2.13.0")),
        ({"libraries": {"python": "3.11.7"}}, ("torch", "-", "2.13.0")),
        ({"dependencies": {**NOW["dependencies"], "lock": None}}, ("constraints.txt", "-", "e" * 12)),
        (
            {"dependencies": {**NOW["dependencies"], "digest": "f" * 16, "count": 249}},
            ("dependencies", f"249 distributions, {'f' * 16}", f"250 distributions, {'d' * 16}"),
        ),
        ({"device": "cpu, AVX2, a processor, a system"}, ("device", "cpu, AVX2, a processor, a system", NOW["device"])),
    ],
)
def test_what_differs_is_named_with_then_and_now(change: dict[str, object], expected: tuple[str, str, str]) -> None:
    assert [(one.what, one.then, one.now) for one in differences(made(**change), NOW)] == [expected]


def test_the_lock_is_known_in_a_checkout_only(tmp_path: Path) -> None:
    assert len(dependencies()["lock"]) == 64
    (tmp_path / "lepton").mkdir()
    (tmp_path / "lepton" / "__init__.py").touch()
    (tmp_path / "constraints.txt").write_text("torch==1\n")
    assert dependencies(tmp_path / "lepton")["lock"] is None


@pytest.mark.parametrize("strategy", all_strategies(), ids=str)
def test_a_strategy_is_made_again_from_its_settings_on_record(strategy) -> None:
    again = get_strategy(strategy.name, strategy.config_json())
    assert again.config == strategy.config


def test_settings_that_differ_from_those_of_the_day_are_taken_from_the_record() -> None:
    config = FinetuneConfig()
    other = replace(config, batch_size=7, tables=replace(config.tables, epochs=3))
    assert get_strategy("finetune", asdict(other)).config == other


def test_settings_that_no_strategy_has_are_refused() -> None:
    with pytest.raises(ValueError, match="magic"):
        get_strategy("residual", {**get_strategy("residual").config_json(), "magic": 1})
