"""Fine-tuning: every weight moves, the early ones least.

Discriminative rates (Howard & Ruder 2018): each group of layers towards the input learns at a fraction of the next
one's rate. BatchNorm keeps the base's statistics (eval mode), because a few dozen rows estimate them badly; its scale
and shift are trained. Light augmentation only: the target's own look is what is to be learnt.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional as F

from lepton.models.augment import LIGHT, augment
from lepton.models.device import generator
from lepton.models.model import Model
from lepton.transfer.probe import ProbeConfig, fit_head
from lepton.transfer.strategy import Needs, Strategy, TargetData


@dataclass(frozen=True)
class FinetuneConfig:
    """Chosen on MNIST -> optdigits and white -> red wine."""

    lr: float = 1e-3
    """Peak rate of head, adapters and last group; warmed up, then falling to zero."""
    fade: float = 0.5
    """Rate of a group as a share of the next one's."""
    steps: int = 120
    """Batches: the cost does not grow with the labels."""
    batch_size: int = 64
    weight_decay: float = 1e-3
    smoothing: float = 0.05
    """Label smoothing: with a hundred rows, certainty would be overfitting."""
    probe_first: bool = True
    """Start from the probe's head, so that a wrong head does not tear at good features (Kumar et al. 2022)."""


class Finetune(Strategy):
    """All weights, on the rows themselves. Costs seconds: it is cross-validated on three folds only."""

    name = "finetune"
    needs = Needs(labels=True, features="inputs")
    folds = 3
    config: FinetuneConfig = FinetuneConfig()

    def __init__(self, config: FinetuneConfig | None = None) -> None:
        self.config = config or FinetuneConfig()

    def adapt(self, base: Model, target: TargetData, seed: int) -> Model:
        """Return a copy of `base` with every weight fitted, BatchNorm statistics unchanged; see `Strategy.adapt`."""
        rows, c = self.rows(target), self.config
        if not len(rows):
            return base.replace()
        if rows.inputs is None:
            raise ValueError("fine-tuning needs the prepared rows: TargetData.of(..., inputs=True)")
        model = base.replace()
        if c.probe_first:
            model.head = fit_head(base.head, rows.features, rows.labels, ProbeConfig())
        source = generator(seed)
        groups = _groups(model, c)
        optimiser = torch.optim.AdamW(groups, lr=c.lr, weight_decay=c.weight_decay)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, [float(g["lr"]) for g in optimiser.param_groups], total_steps=c.steps, pct_start=0.2
        )
        order = torch.empty(0, dtype=torch.int64)
        for _ in range(c.steps):
            if len(order) < min(c.batch_size, len(rows)):
                order = torch.randperm(len(rows), generator=source)
            at, order = order[: c.batch_size], order[c.batch_size :]
            x = augment(rows.inputs[at], model.inputs, LIGHT, source)
            loss = F.cross_entropy(model(x), rows.labels[at], label_smoothing=c.smoothing)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            optimiser.step()
            schedule.step()
        return model

    def predict_seconds(self, labels: int, kind: str) -> float:
        """Return four runs (three folds and all rows) of a fixed number of steps."""
        return 12.0 if kind == "image" else 2.0


def _groups(model: Model, config: FinetuneConfig) -> list[dict[str, object]]:
    """Return parameter groups from the head down to the input, each slower than the one before."""
    top = [*model.head.parameters(), *model.adapters.parameters()]
    groups: list[dict[str, object]] = [{"params": top, "lr": config.lr}]
    for depth, part in enumerate(reversed(model.encoder.depth_groups())):
        groups.append({"params": list(part.parameters()), "lr": config.lr * config.fade**depth})
    return groups
