"""P5: throughput of the training loop beside a bare one on the same tensors, augmentation, optimiser and batches.

In turns in one process, one thread; the engine validates and could keep checkpoints, the bare loop does neither.
"""

from __future__ import annotations

import statistics
import time

import figures
import numpy as np
import torch
from digits import CLASSES
from few import rows_of
from torch import nn
from torch.nn import functional as F

from lepton.core.config.pretrain import StageFields
from lepton.core.config.settings import EncoderConfig
from lepton.core.table import Table
from lepton.models.augment import PRETRAINING, augment
from lepton.models.device import generator, repeatable, seeded
from lepton.models.encoders import build_encoder
from lepton.models.inputs import fit_inputs
from lepton.models.model import Model
from lepton.pretraining.checkpoint import Keeper
from lepton.pretraining.engine import fit
from lepton.pretraining.material import Material
from lepton.pretraining.supervised import SMOOTHING, Classifier

TURNS, PLAN = 9, StageFields(epochs=2, patience=2)
COMMAND = "python benchmarks/pretraining --only P5"


def columns() -> Table:
    """Return 20,000 generated rows of 20 columns and ten classes."""
    import pandas as pd

    rng = np.random.default_rng(0)
    x = rng.normal(size=(20_000, 20))
    labels = (x[:, :3].sum(axis=1) * 2).round().astype(int) % 10
    ids = np.array([f"t{k}" for k in range(len(x))], dtype=object)
    frame = pd.DataFrame(x, columns=[f"x{k}" for k in range(20)])
    return Table("tabular", ids, np.array([str(v) for v in labels], dtype=object), frame=frame)


def new_model(rows: Table) -> Model:
    """Return an untrained model."""
    encoder = EncoderConfig(fit="stretch")
    inputs = fit_inputs(rows, encoder)
    with seeded(0):
        network = build_encoder(encoder, inputs.layout)
        return Model(inputs, network, nn.Linear(network.feature_dim, 10), CLASSES)


def bare(model: Model, x: torch.Tensor, y: torch.Tensor) -> None:
    """Train as a short script would."""
    source, steps = generator(1), len(x) // PLAN.batch_size
    optimiser = torch.optim.AdamW(model.parameters(), lr=PLAN.lr, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, PLAN.lr, total_steps=steps * PLAN.epochs)
    model.train()
    for _ in range(PLAN.epochs):
        order = torch.randperm(len(x), generator=source)
        for step in range(steps):
            rows = order[step * PLAN.batch_size : (step + 1) * PLAN.batch_size]
            loss = F.cross_entropy(
                model(augment(x[rows], model.inputs, PRETRAINING, source)), y[rows], label_smoothing=SMOOTHING
            )
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()


def measure() -> list[figures.Figure]:
    """Return rows a second of the engine over those of the bare loop, for a small image net and a perceptron."""
    found = []
    for name, kind, rows in (("P5a", "cnn", rows_of("mnist", 8_000, 0)), ("P5b", "mlp", columns())):
        ratios = []
        for _ in range(TURNS):
            with repeatable(1):
                first = new_model(rows)
                material = Material(rows, {}, first.inputs, CLASSES)
                learner = Classifier(first, material, PLAN)
                train = material.train
                _ = material.val
                started = time.perf_counter()
                fit(learner, PLAN, 0, Keeper(None), lambda done, total, text: None)
                ours = time.perf_counter() - started
                second = new_model(rows)
                started = time.perf_counter()
                bare(second, train.x, train.y)
                ratios.append((time.perf_counter() - started) / ours)
        print(name, kind, [round(one, 3) for one in ratios], flush=True)
        found.append(
            figures.figure(
                *(name, statistics.median(ratios), f"x the rows a second of a bare loop, {kind}", TURNS, [0], COMMAND),
                each=ratios,
                bar=">= 0.9",
            )
        )
    return found
