"""Encoders that learn without gradient: fitted to the source's labels at once, in place of a stage of the engine."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch.nn import functional as F

from lepton.core.errors import UsageError
from lepton.core.metrics import evaluate
from lepton.core.splits import split
from lepton.core.work import Progress
from lepton.models.encoders import Encoder, all_encoders
from lepton.models.model import Model
from lepton.pretraining.catalogue import all_objectives
from lepton.pretraining.material import Material
from lepton.pretraining.objective import Objective, Pretrained, Stage
from lepton.pretraining.supervised import validated


def check_taught(encoder: Encoder, objectives: Sequence[Objective]) -> None:
    """Refuse a chain of objectives that an encoder cannot learn by.

    Raises:
        UsageError: If the encoder does not learn by gradient, and the chain asks for more than labels told apart.
    """
    if learns_by(encoder.by_gradient, objectives):
        return
    kind = encoder.layout.kind
    direct = [name for name, objective in all_objectives().items() if objective.direct]
    others = [name for name, other in all_encoders().items() if kind in other.kinds and other.by_gradient]
    raise UsageError(
        f"Encoder {encoder.name!r} does not learn by gradient, and the chain {'+'.join(o.name for o in objectives)} "
        "asks for it.",
        why=f"It is fitted to the source's labels at once: its only objective is {' or '.join(direct)}.",
        fix=[
            f"set pretrain.objective to {' or '.join(direct)} in lepton.yaml, and leave pretrain.objectives out",
            f"set encoder.name to {' or '.join(others)}",
        ],
    )


def learns_by(gradient: bool, objectives: Sequence[Objective]) -> bool:
    """Return whether an encoder that does, or does not, learn by gradient can learn by a chain of objectives."""
    return gradient or (len(objectives) == 1 and objectives[0].direct)


def fit_at_once(model: Model, material: Material, seed: int, name: str, progress: Progress) -> Stage:
    """Fit a model's encoder to the training rows, give it the head by which it answers, and return what was measured.

    The validation rows are not learnt from here: they tell how good it is, and how sure it may be. `learn_all` follows.

    Args:
        model: Changed.
        material: The rows.
        seed: Of everything random.
        name: Of the objective.
        progress: Called after every part of the work.
    """
    began, train = time.perf_counter(), material.train
    model.head = model.encoder.fit(train.x, train.y, len(model.classes), seed, progress)
    model.eval()
    loss = F.cross_entropy(model.logits_of(model.features(train.x)), train.y).item()
    seconds = time.perf_counter() - began
    curve = {"epoch": 1.0, "train_loss": loss, **validated(model, material), "lr": 0.0, "seconds": seconds}
    return Stage(name, (curve,), 1, seconds)


def learn_all(done: Pretrained, material: Material, seed: int, progress: Progress) -> Pretrained:
    """Return a base that is fitted once more, to training and validation rows together.

    Nothing is stopped by validation rows as in the engine's epochs, so they need not be kept from it for good. What
    they said of it while it had not seen them stays: metrics, temperature and statistics. On fourteen public tables
    that was worth 0.3 points.

    Args:
        done: As `fit_at_once` and `chain.completed` left it; its model is changed.
        material: The rows.
        seed: Of everything random.
        progress: Called after every part of the work.
    """
    began, model = time.perf_counter(), done.model
    x, y = torch.cat([material.train.x, material.val.x]), torch.cat([material.train.y, material.val.y])
    model.head = model.encoder.fit(x, y, len(model.classes), seed, progress, again=True)
    model.eval()
    test = split(material.source, "test").labelled()
    measured = evaluate(model.predict_proba(test), model.label_indices(test.labels), model.classes)
    seconds = done.seconds + time.perf_counter() - began
    return replace(done, test=measured, seconds=seconds, rows=len(x))
