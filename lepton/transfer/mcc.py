"""MCC: the encoder moves until the answers on the target do not mix classes up with each other.

Jin et al. 2020, "Minimum Class Confusion for Versatile Domain Adaptation": of the class correlation matrix of a batch's
softened answers, rows weighted by their certainty, what lies off the diagonal is the loss. The paper adds the source's
labelled rows; there are none here, so the base's own answers anchor the run: rows that it reads with confidence keep
their class. Labelled rows of the target, where there are any, take part with cross-entropy.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from lepton.core.kinds import kind_of
from lepton.models.augment import LIGHT, augment
from lepton.models.model import Model
from lepton.models.schedules import batches
from lepton.transfer.prior import Prior
from lepton.transfer.selftraining import ENOUGH, FEWEST, Training
from lepton.transfer.strategy import Needs, Strategy, TargetData


@dataclass(frozen=True)
class MccConfig:
    """Temperature and weight as in the paper; the rest chosen on semeion -> USPS."""

    epochs: int = 15
    """Passes over the rows, within the limits of steps."""
    batch_size: int = 128
    fewest_steps: int = 200
    most_steps: int = 600
    """Batches. The limit keeps the cost of many rows known."""
    lr: float = 1e-3
    """Peak rate of AdamW."""
    softening: float = 2.5
    """Temperature of the answers whose confusion is measured."""
    anchor: float = 0.3
    """Weight of the base's confident answers."""

    def steps(self, rows: int) -> int:
        """Return the number of batches for so many rows."""
        return batches(rows, self.epochs, self.batch_size, self.fewest_steps, self.most_steps)


class Mcc(Strategy):
    """Encoder on the rows themselves, with or without labels. Costs seconds, about half of SHOT."""

    name = "mcc"
    needs = Needs(labels=False, features="inputs", rows=ENOUGH, gradient=True)
    prior = Prior(shares=(0.5, 0.6, 0.65, 0.8), tables=(0.0, -0.2, -0.15, -0.05))
    batchnorm = "target"
    expensive = True
    folds = 2
    config: MccConfig = MccConfig()

    def adapt(self, base: Model, target: TargetData, seed: int) -> Model:
        """Return a copy of `base` with another encoder and the target's BatchNorm statistics; see `Strategy.adapt`."""
        if len(target) < FEWEST:
            return base.replace()
        c = self.config
        training = Training(base, target, c.steps(len(target)), c.batch_size, c.lr, seed)
        believed = torch.softmax(base.logits_of(target.features) / base.temperature, dim=1)
        certain, answer = believed.max(dim=1)

        def loss_of(at: Tensor) -> Tensor:
            logits = training.student(augment(training.inputs[at], base.inputs, LIGHT, training.source))
            kept = F.cross_entropy(logits, answer[at], reduction="none") * certain[at]
            return class_confusion(logits, c.softening) + c.anchor * kept.mean()

        return training.run(loss_of)

    def predict_seconds(self, labels: int, rows: int, kind: str) -> float:
        """Return the cost of all rows and, with labels, two folds of them."""
        runs = 1 if labels < 2 else 1 + self.folds
        return runs * self.config.steps(rows) * (0.006 if kind_of(kind).light else 0.05)


def class_confusion(logits: Tensor, softening: float) -> Tensor:
    """Return the share of class correlation that lies between different classes, 0..1.

    Args:
        logits: (b, k).
        softening: Temperature.
    """
    p = torch.softmax(logits / softening, dim=1)
    entropy = -(p * (p + 1e-6).log()).sum(dim=1)
    weight = (1 + torch.exp(-entropy)).detach()
    weight = len(p) * weight / weight.sum()
    confusion = (p * weight[:, None]).T @ p
    confusion = confusion / confusion.sum(dim=1, keepdim=True).clamp_min(1e-9)
    return 1 - confusion.diagonal().mean()
