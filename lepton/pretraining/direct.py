"""Encoders that learn without gradient: fitted to the source's labels at once, in place of a stage of the engine."""

from __future__ import annotations

import time
from collections.abc import Sequence

from torch.nn import functional as F

from lepton.core.errors import UsageError
from lepton.core.work import Progress
from lepton.models.encoders import Encoder, all_encoders
from lepton.models.model import Model
from lepton.pretraining.catalogue import all_objectives
from lepton.pretraining.material import Material
from lepton.pretraining.objective import Objective, Stage
from lepton.pretraining.supervised import validated


def check_taught(encoder: Encoder, objectives: Sequence[Objective]) -> None:
    """Refuse a chain of objectives that an encoder cannot learn by.

    Raises:
        UsageError: If the encoder does not learn by gradient, and the chain asks for more than labels told apart.
    """
    if encoder.by_gradient or (len(objectives) == 1 and objectives[0].direct):
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


def fit_at_once(model: Model, material: Material, seed: int, name: str, progress: Progress) -> Stage:
    """Fit a model's encoder to the training rows, give it the head by which it answers, and return what was measured.

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
