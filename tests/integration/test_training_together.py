"""Two real processes that train one base, over gloo on the loopback interface."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from lepton.core.config.settings import PretrainConfig
from lepton.core.errors import LeptonError, UsageError
from lepton.operations.pretrain.settings import BaseSettings
from lepton.operations.pretrain.training import pretrained
from tests.unit.factories import SMALL, classes_of, names, rows


def settings(**pretrain: Any) -> BaseSettings:
    config = PretrainConfig(**{"epochs": 3, "batch_size": 32, "lr": 5e-3} | pretrain)
    return BaseSettings("image", SMALL, config, 2, classes_of(3))


@pytest.mark.parametrize("kind", ["image", "tabular"])
def test_two_processes_follow_the_loss_of_one_for_fifty_steps(kind: str) -> None:
    """An epoch is one step here; nothing is augmented, since each process draws its own noise."""
    table, asked = rows(kind, 200), {"epochs": 50, "patience": 50, "batch_size": 100, "augment": False}
    assert torch.get_default_dtype() == torch.float32
    one, two = (pretrained(table, settings(**asked, processes=size), 0) for size in (1, 2))
    assert len(one.curves) == len(two.curves) == 50
    for before, after in zip(one.curves, two.curves, strict=True):
        assert after["train_loss"] == pytest.approx(before["train_loss"], rel=1e-4)


def test_two_processes_are_repeatable_and_report_their_progress_and_learn(tmp_path: Path) -> None:
    calls: list[tuple[int, int, str]] = []
    table = rows("image", 600)
    asked = settings(objectives=["vicreg", "multitask"], epochs=6, lr=1e-2, processes=2)
    others = {"elsewhere": rows("image", 120, seed=5)}
    first = pretrained(table, asked, 0, others, tmp_path, lambda *call: calls.append(call))
    second = pretrained(table, asked, 0, others)
    assert first.model.digest() == second.model.digest()
    assert first.test["accuracy"] > 0.85
    assert [stage.name for stage in first.stages] == ["vicreg", "multitask"]
    assert calls[-1][0] == calls[-1][1]
    assert len(list(tmp_path.glob("stage-*.safetensors"))) == 2


def test_a_process_that_dies_is_told_and_the_training_goes_on_with_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, asked = rows("image", 300), settings(processes=2, checkpoint_seconds=1e-6)
    expected = pretrained(table, asked, 0)
    with monkeypatch.context() as patch:
        patch.setenv("LEPTON_FAULT_AT", "pretrain.checkpointed")
        with pytest.raises(LeptonError, match="Process 0 of those that trained together died") as caught:
            pretrained(table, asked, 0, {}, tmp_path)
    assert "goes on from the last checkpoint" in caught.value.fix[0]
    found = pretrained(table, asked, 0, {}, tmp_path)
    assert found.model.digest() == expected.model.digest()


def test_a_batch_that_cannot_be_shared_out_is_refused_before_anything_is_started() -> None:
    with pytest.raises(UsageError, match="33 rows cannot be shared out among 2 processes") as caught:
        pretrained(rows("image", 120), settings(batch_size=33, processes=2), 0)
    assert "batch_size to 32" in caught.value.fix[0]


def test_what_is_wrong_in_a_process_reaches_the_user_as_it_is() -> None:
    table = rows("image", 120)
    with pytest.raises(LeptonError, match="does not know 1 of the labels: O"):
        pretrained(table.with_labels(names(["O", "c1"] * 60)), settings(processes=2), 0)
