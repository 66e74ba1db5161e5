"""Training on the labelled rows themselves, as fine-tuning and LoRA share it; what may move is up to them."""

from __future__ import annotations

from typing import Any

import torch

from lepton.models.augment import LIGHT, augment
from lepton.models.device import generator
from lepton.models.model import Model
from lepton.models.schedules import one_cycle
from lepton.transfer.losses import cross_entropy, seen_classes
from lepton.transfer.strategy import TargetData


def fit_labelled(
    model: Model,
    rows: TargetData,
    groups: list[dict[str, Any]],
    *,
    steps: int,
    batch_size: int,
    smoothing: float,
    seed: int,
    pull: float = 0.0,
) -> None:
    """Train a model in place, in eval mode: BatchNorm keeps its statistics.

    Light augmentation only: the target's own look is what is to be learnt.

    Args:
        model: Changed.
        rows: Labelled rows, with their inputs.
        groups: Parameters that may move, each group with its peak rate `lr`.
        steps: Batches.
        batch_size: Rows a batch.
        smoothing: Of the labels.
        seed: Of batches and augmentation.
        pull: Weight of the squared distance of what may move from its start, halved (L2-SP, Li et al. 2018).
    """
    if rows.inputs is None:
        raise ValueError("this strategy needs the prepared rows: TargetData.of(..., inputs=True)")
    source, seen = generator(seed), seen_classes(rows.labels)
    moving = [p for group in groups for p in group["params"]]
    start = [p.detach().clone() for p in moving] if pull else []
    optimiser = torch.optim.AdamW(groups, weight_decay=0.0)
    rates = one_cycle(optimiser, steps)
    order = torch.empty(0, dtype=torch.int64)
    for _ in range(steps):
        if len(order) < min(batch_size, len(rows)):
            order = torch.randperm(len(rows), generator=source)
        at, order = order[:batch_size], order[batch_size:]
        x = augment(rows.inputs[at], model.inputs, LIGHT, source)
        loss = cross_entropy(model(x), rows.labels[at], seen, smoothing)
        if pull:
            away = sum(((p - origin).square().sum() for p, origin in zip(moving, start, strict=True)), torch.zeros(()))
            loss = loss + pull / 2 * away
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimiser.step()
        rates.step()
