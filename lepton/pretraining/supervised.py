"""Supervised pretraining: cross-entropy on the source's labels.

Labels are smoothed a little (Mueller et al. 2019; SHOT uses 0.1 for the same purpose): a less extreme base
adapts better and is better calibrated.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from lepton.core.config.pretrain import PretrainConfig, StageFields
from lepton.models.augment import PRETRAINING, augment
from lepton.models.calibration import fit_temperature
from lepton.models.device import here
from lepton.models.model import Model
from lepton.pretraining.engine import Curve, Learner, LossLearner
from lepton.pretraining.material import Material
from lepton.pretraining.objective import Objective

SMOOTHING = 0.05


class Supervised(Objective):
    """Cross-entropy on labels."""

    name = "supervised"
    head = True
    direct = True

    def learner(
        self, model: Model, material: Material, config: PretrainConfig, plan: StageFields, seed: int
    ) -> Learner:
        """Return the whole model as what learns; see `Objective.learner`."""
        return Classifier(model, material, plan)


class Classifier(LossLearner):
    """The model on the source's labels."""

    def __init__(self, model: Model, material: Material, plan: StageFields) -> None:
        super().__init__(model, len(material.train.x))
        self.model, self.material, self.plan = model, material, plan

    def loss(self, at: Tensor, source: torch.Generator) -> Tensor:
        """Return the smoothed cross-entropy of augmented rows."""
        x, y = here(self.material.train.x[at]), here(self.material.train.y[at])
        seen = augment(x, self.model.inputs, PRETRAINING, source) if self.plan.augment else x
        return F.cross_entropy(self.model(seen), y, label_smoothing=SMOOTHING)

    def validate(self) -> Curve:
        """Return loss and accuracy on the validation rows."""
        return validated(self.model, self.material)


def validated(model: Model, material: Material) -> Curve:
    """Return `val_loss` and `val_accuracy` of a model on the source's validation rows.

    The loss is taken at its best temperature, because augmentation and smoothing make confidence, not answers, swing.
    """
    y = material.val.y
    logits = model.logits_of(model.features(material.val.x))
    loss = F.cross_entropy(logits / fit_temperature(logits, y), y).item()
    return {"val_loss": loss, "val_accuracy": (logits.argmax(1) == y).float().mean().item()}
