"""Objectives, chains of them, and training that goes on from a checkpoint."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from lepton.core.config.settings import PretrainConfig
from lepton.core.errors import LeptonError, UsageError
from lepton.core.table import Table
from lepton.models.device import generator
from lepton.models.inputs import fit_inputs
from lepton.pretraining import all_objectives, engine, pretrain
from lepton.pretraining.episodes import SHOTS, Episodes
from lepton.pretraining.material import Material, seen_rows
from lepton.pretraining.reconstruction import hide
from lepton.pretraining.vicreg import effective_rank, vicreg
from tests.unit.factories import SMALL, classes_of, images, names, rows

QUICK = PretrainConfig(epochs=3, batch_size=32, lr=5e-3)
KINDS = ("image", "tabular")
FREE = [name for name, objective in all_objectives().items() if not objective.head]
HEADS = [name for name, objective in all_objectives().items() if objective.head]


def learn(table: Table, config: PretrainConfig = QUICK, seed: int = 0, **more):
    return pretrain(table, classes_of(3), SMALL, config, seed=seed, threads=1, **more)


def chain(*objectives: str, **more) -> PretrainConfig:
    return PretrainConfig(**{**QUICK.model_dump(exclude_unset=True), "objectives": objectives, **more})


def other(kind: str, labelled: bool = True, count: int = 120) -> dict[str, Table]:
    table = rows(kind, count, seed=5)
    return {"elsewhere": table if labelled else table.without_labels()}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", FREE)
def test_an_objective_without_labels_learns_and_a_head_is_learnt_after_it(kind: str, name: str) -> None:
    done = learn(rows(kind, 240), chain(name, "supervised", epochs=6), others=other(kind, labelled=False))
    assert [stage.name for stage in done.stages] == [name, "supervised"]
    losses = [epoch["val_loss"] for epoch in done.stages[0].curves]
    assert min(losses[1:]) < losses[0]
    assert done.test["accuracy"] > 0.8


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", HEADS)
def test_an_objective_with_a_head_makes_a_base_by_itself(kind: str, name: str) -> None:
    done = learn(rows(kind, 600), chain(name, epochs=6, lr=1e-2), others=other(kind))
    assert done.test["accuracy"] > 0.9
    assert done.model.statistics is not None


@pytest.mark.parametrize("name", all_objectives())
def test_every_objective_is_repeatable_bit_for_bit_and_hangs_on_the_seed(name: str) -> None:
    config = chain(name) if name in HEADS else chain(name, "supervised")
    table = rows("image", 120)
    torch.manual_seed(1)
    first = learn(table, config, others=other("image"))
    torch.manual_seed(2)
    second, third = learn(table, config, others=other("image")), learn(table, config, seed=1, others=other("image"))
    assert first.model.digest() == second.model.digest() != third.model.digest()


@pytest.mark.parametrize("name", all_objectives())
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_what_is_stopped_goes_on_from_its_checkpoint_and_ends_with_the_same_bits(
    name: str, share: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is stopped at its first, its middle and its last step; the chains are then in their second stage."""
    config = chain(name, average=0.9) if name in HEADS else chain(name, "supervised")
    config = config.model_copy(update={"checkpoint_seconds": 1e-9})
    table, taken = rows("image", 120), []

    def count(done: int, total: int, text: str) -> None:
        if "stopped" not in text:
            taken.append(done)

    expected = learn(table, config, others=other("image"), progress=count)
    all_steps, stop = len(taken), max(1, round(share * len(taken)))
    taken.clear()

    def killed(point: str) -> None:
        if len(taken) == stop:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(engine, "reached", killed)
        with pytest.raises(KeyboardInterrupt):
            learn(table, config, others=other("image"), folder=tmp_path, progress=count)
    found = learn(table, config, others=other("image"), folder=tmp_path, progress=count)
    assert len(taken) == all_steps  # what was done is not done again
    assert found.model.digest() == expected.model.digest()
    for one, two in zip(found.stages, expected.stages, strict=True):
        assert [epoch["val_loss"] for epoch in one.curves] == [epoch["val_loss"] for epoch in two.curves]


def test_finished_stages_are_not_trained_again(tmp_path: Path) -> None:
    table, config = rows("image", 120), chain("vicreg", "supervised")
    first, steps = learn(table, config, folder=tmp_path), []
    again = learn(table, config, folder=tmp_path, progress=lambda done, total, text: steps.append((done, total)))
    assert again.model.digest() == first.model.digest()
    assert all(done == total for done, total in steps)


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """A checkpoint of a finished run."""
    learn(rows("image", 120), QUICK, folder=tmp_path)
    return tmp_path / "stage-1-supervised.safetensors"


def test_a_checkpoint_cut_in_the_middle_is_told_with_the_way_out(left: Path) -> None:
    left.write_bytes(left.read_bytes()[:-500])
    with pytest.raises(LeptonError, match="cut off or damaged") as caught:
        learn(rows("image", 120), QUICK, folder=left.parent)
    assert "--fresh" in caught.value.fix[0]


def test_a_checkpoint_of_another_network_is_not_gone_on_from(left: Path) -> None:
    wider = SMALL.model_copy(update={"features": SMALL.features * 2})
    with pytest.raises(LeptonError, match="of another network"):
        pretrain(rows("image", 120), classes_of(3), wider, QUICK, threads=1, folder=left.parent)


def test_a_checkpoint_of_a_newer_lepton_is_not_gone_on_from(left: Path) -> None:
    save_file(load_file(left), left, {"lepton": json.dumps({"format": 2})})
    with pytest.raises(LeptonError, match="another lepton wrote it") as caught:
        learn(rows("image", 120), QUICK, folder=left.parent)
    assert "format 2" in caught.value.why


def test_a_checkpoint_whose_content_was_exchanged_is_noticed(left: Path) -> None:
    from safetensors import safe_open

    with safe_open(left, "pt") as file:
        about = file.metadata()
    tensors = load_file(left)
    tensors.popitem()
    save_file(tensors, left, about)
    with pytest.raises(LeptonError, match="it is damaged"):
        learn(rows("image", 120), QUICK, folder=left.parent)


def test_a_loss_that_is_not_a_number_names_the_batch_and_keeps_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lepton.pretraining import supervised

    real, calls = supervised.augment, []

    def breaks_later(x, *rest):
        calls.append(1)
        return real(x, *rest) * (float("nan") if len(calls) == 6 else 1.0)

    monkeypatch.setattr(supervised, "augment", breaks_later)
    config = QUICK.model_copy(update={"checkpoint_seconds": 1e-9})
    with pytest.raises(LeptonError, match="nan in epoch 3, step 2") as caught:
        learn(rows("image", 120), config, folder=tmp_path)
    (kept,) = tmp_path.glob("*.safetensors")
    assert str(kept) in caught.value.why
    assert all(torch.isfinite(tensor).all() for name, tensor in load_file(kept).items() if "weights" in name)


@pytest.mark.parametrize("name", FREE)
def test_a_chain_that_learns_no_head_gets_one_that_answers(name: str) -> None:
    done = learn(rows("image", 600), chain("supervised", name, epochs=4, lr=1e-2), others=other("image"))
    assert done.test["accuracy"] > 0.85


def test_a_stage_that_is_not_in_the_chain_and_an_objective_twice_are_refused() -> None:
    with pytest.raises(ValueError, match="'reptil', which is not in the chain"):
        PretrainConfig(stages={"reptil": {"epochs": 2}})
    with pytest.raises(ValueError, match="twice"):
        PretrainConfig(objectives=("vicreg", "vicreg", "supervised"))
    with pytest.raises(UsageError, match="no pretraining objective 'vicregg'"):
        learn(rows("image", 120), chain("vicregg"))


def test_a_stage_has_its_own_epochs_and_the_rest_of_the_section() -> None:
    config = chain("vicreg", "supervised", stages={"vicreg": {"epochs": 1}})
    done = learn(rows("image", 120), config)
    assert [len(stage.curves) for stage in done.stages] == [1, 3]
    assert config.stage("vicreg").lr == config.lr


def test_rows_of_a_test_split_are_never_seen() -> None:
    source, elsewhere = rows("image", 200), rows("image", 100, seed=5)
    tables = {"source": source, "elsewhere": replace(elsewhere, ids=names([f"e{k}" for k in range(100)]))}
    seen = seen_rows(tables, unlabelled=True, tasks=True)
    assert set(seen) == {"pool:source", "pool:elsewhere", "task:elsewhere"}
    from lepton.core.splits import split

    for name, table in tables.items():
        assert not set(seen[f"pool:{name}"]) & set(split(table, "test").ids)
        inputs = fit_inputs(source, SMALL)
        material = Material(source, {"elsewhere": tables["elsewhere"]}, inputs, classes_of(3))
        assert len(material.pool) + len(material.pool_val) == sum(
            len(ids) for use, ids in seen.items() if "pool" in use
        )


def test_a_task_of_one_class_is_refused() -> None:
    table = rows("image", 120, seed=5)
    with pytest.raises(LeptonError, match="'elsewhere' have one label"):
        learn(rows("image", 120), chain("multitask"), others={"elsewhere": table.with_labels(names(["c1"] * 120))})


def test_a_domain_without_labels_is_no_task() -> None:
    done = learn(rows("image", 120), chain("multitask"), others=other("image", labelled=False))
    assert "weight_1" not in done.curves[0]
    assert "weight_1" in learn(rows("image", 120), chain("multitask"), others=other("image")).curves[0]


def test_equal_weights_stay_equal_and_learnt_ones_move() -> None:
    for weighting, moved in (("equal", False), ("uncertainty", True)):
        done = learn(rows("image", 240), chain("multitask", weighting=weighting), others=other("image"))
        weights = [epoch["weight_1"] for epoch in done.curves]
        assert (max(weights) != 1.0) is moved
        assert all(0.04 < weight < 21 for weight in weights)


def test_the_effective_rank_counts_directions() -> None:
    source = generator(0)
    full = torch.randn(4000, 8, generator=source)
    assert effective_rank(full) == pytest.approx(8, rel=0.01)
    assert effective_rank(full[:, :1] * torch.ones(1, 8)) == pytest.approx(1, abs=1e-3)


def test_vicreg_is_lowest_for_equal_views_of_unit_variance_and_notices_collapse() -> None:
    z = torch.randn(4000, 4, generator=generator(0))
    assert vicreg(z, z) < 0.5
    assert vicreg(z * 0, z * 0) > 24
    assert vicreg(z, z[torch.randperm(4000, generator=generator(1))]) > 40


def test_episodes_hold_each_class_equally_often_and_no_row_twice() -> None:
    table = rows("image", 400)
    material = Material(table, other("image"), fit_inputs(table, SMALL), classes_of(3))
    episodes, source = Episodes(material), generator(0)
    assert len(episodes) == 2
    for _ in range(20):
        one = episodes.draw(36, source)
        assert one.ways == 3
        assert one.support_y.bincount().tolist() == [SHOTS] * 3
        assert one.queries_y.bincount().tolist() == [36 // 3 - SHOTS] * 3
        drawn = torch.cat([one.support, one.queries]).flatten(1)
        assert len(drawn.unique(dim=0)) == len(drawn)


def test_too_few_rows_for_an_episode_are_told() -> None:
    table = rows("image", 60, k=12)
    with pytest.raises(LeptonError, match="too few rows to draw episodes"):
        pretrain(table, classes_of(12), SMALL, chain("anil"), threads=1)


@pytest.mark.parametrize("shape", [(400, 1, 28, 28), (400, 30)])
def test_about_the_asked_share_is_hidden_and_images_in_patches(shape: tuple[int, ...]) -> None:
    hidden = hide(torch.ones(shape), 0.3, generator(0)) == 0
    assert hidden.float().mean() == pytest.approx(0.3, abs=0.02)
    if len(shape) == 4:
        blocks = hidden.float().unfold(2, 4, 4).unfold(3, 4, 4).mean(dim=(-1, -2))
        assert set(blocks.unique().tolist()) == {0.0, 1.0}


@pytest.mark.parametrize("more", [{"accumulate": 4}, {"precision": "bf16"}, {"average": 0.95}, {"clip": 0.1}], ids=str)
def test_what_the_engine_can_do_besides_still_learns(more: dict[str, object]) -> None:
    done = learn(images(600), PretrainConfig(epochs=6, batch_size=32, lr=1e-2, **more))
    assert done.test["accuracy"] > 0.85


def test_parts_of_a_batch_give_the_gradient_of_the_whole() -> None:
    """Without BatchNorm, whose statistics are those of a part, the sums are the same up to rounding."""
    from lepton.core.config.pretrain import StageFields
    from lepton.pretraining.engine import LossLearner

    class Line(LossLearner):
        def loss(self, at, source):
            return (self.module(self.x[at]) ** 2).mean()

        def validate(self):
            return {"val_loss": 0.0}

    found = []
    for parts in (1, 3):
        torch.manual_seed(0)
        line = Line(torch.nn.Linear(5, 2), 30)
        line.x = torch.randn(30, 5, generator=generator(0))
        line.gradients(torch.arange(30), StageFields(accumulate=parts), generator(0))
        found.append(torch.cat([p.grad.flatten() for p in line.module.parameters()]))
    assert torch.allclose(found[0], found[1], atol=1e-6)
