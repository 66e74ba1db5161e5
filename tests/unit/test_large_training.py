"""Rows that do not fit the memory, and a GPU where there is one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from lepton.core.config.settings import PretrainConfig
from lepton.models.device import generator, here, pick_device, placed
from lepton.models.inputs import fit_inputs
from lepton.pretraining import pretrain
from lepton.pretraining.material import Material
from tests.unit.factories import SMALL, classes_of, rows

CHAIN = ("vicreg", "supervised")
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")


@pytest.mark.parametrize("kind", ["image", "tabular", "sequence"])
def test_rows_read_from_a_file_teach_the_same_bits_as_rows_in_memory(kind: str, tmp_path: Path) -> None:
    table = rows(kind, 300, seed=1)
    others = {"elsewhere": rows(kind, 120, seed=2).without_labels()}
    found = []
    for limit in (2048, 0):
        config = PretrainConfig(epochs=2, batch_size=32, objectives=CHAIN, stream_above=limit)
        folder = tmp_path / str(limit)
        done = pretrain(table, classes_of(3), SMALL, config, threads=1, others=others, folder=folder)
        found.append(done.model.digest())
        assert not list(folder.glob("rows-*"))  # the file has no name
    assert found[0] == found[1]


def test_a_file_of_rows_is_read_and_not_held(tmp_path: Path) -> None:
    table = rows("image", 500, seed=1)
    inputs = fit_inputs(table, SMALL)
    mapped = Material(table, {}, inputs, classes_of(3), stream_above=0, scratch=tmp_path)
    held = Material(table, {}, inputs, classes_of(3))
    assert torch.equal(mapped.train.x, held.train.x)
    assert torch.equal(mapped.pool, held.pool)
    assert any("rows-" in line and "(deleted)" in line for line in Path("/proc/self/maps").read_text().splitlines())


def test_without_a_gpu_everything_lies_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device() == torch.device("cpu")
    with placed(pick_device()):
        x = torch.zeros(3)
        assert here(x) is x
        assert generator(0).device == torch.device("cpu")


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("objective", ["supervised", "vicreg", "reconstruction", "multitask", "reptile", "anil"])
@pytest.mark.parametrize("kind", ["image", "tabular", "sequence"])
def test_every_objective_learns_on_the_gpu_and_gives_a_model_on_the_cpu(kind: str, objective: str) -> None:
    chain = ("supervised",) if objective == "supervised" else (objective, "supervised")
    config = PretrainConfig(epochs=6, batch_size=32, lr=1e-2, objectives=chain)
    done = pretrain(rows(kind, 400, seed=1), classes_of(3), SMALL, config, others={"b": rows(kind, 200, seed=2)})
    assert {p.device.type for p in done.model.parameters()} == {"cpu"}
    table = rows(kind, 90, seed=7)
    right = done.model.predict_proba(table).argmax(axis=1) == done.model.label_indices(table.labels)
    assert np.mean(right) > 0.7
