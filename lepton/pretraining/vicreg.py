"""VICReg: two augmented views of a row agree, while the embedding keeps its variance and its directions apart.

Bardes, Ponce & LeCun 2022, "VICReg: Variance-Invariance-Covariance Regularization for Self-Supervised Learning", with
the paper's weights 25, 25 and 1. Collapse would show in the effective rank of the embedding (Roy & Vetterli 2007:
exponential of the entropy of the normalised singular values), which is measured every epoch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lepton.core.config.pretrain import PretrainConfig, StageFields
from lepton.models.augment import PRETRAINING, augment
from lepton.models.device import generator, here, seeded
from lepton.models.model import Model
from lepton.pretraining.engine import Curve, Learner, LossLearner
from lepton.pretraining.material import Material
from lepton.pretraining.objective import Objective

INVARIANCE, VARIANCE, COVARIANCE = 25.0, 25.0, 1.0
EXPANDED = 4
"""Width of the projector in embeddings."""
MEASURED = 2000
"""Most validation rows that an epoch is measured on."""


class Vicreg(Objective):
    """Two views of every row of every domain, no labels."""

    name = "vicreg"
    unlabelled = True

    def learner(
        self, model: Model, material: Material, config: PretrainConfig, plan: StageFields, seed: int
    ) -> Learner:
        """Return encoder and projector as what learns; see `Objective.learner`."""
        d = model.feature_dim
        with seeded(seed):
            projector = nn.Sequential(
                nn.Linear(d, EXPANDED * d),
                nn.BatchNorm1d(EXPANDED * d),
                nn.ReLU(),
                nn.Linear(EXPANDED * d, EXPANDED * d),
            )
        return Views(model, projector, material)


class Views(LossLearner):
    """Encoder and projector on pairs of views."""

    def __init__(self, model: Model, projector: nn.Module, material: Material) -> None:
        super().__init__(nn.ModuleDict({"encoder": model.encoder, "projector": projector}), len(material.pool))
        self.inputs, self.encoder, self.projector, self.material = model.inputs, model.encoder, projector, material

    def loss(self, at: Tensor, source: torch.Generator) -> Tensor:
        """Return VICReg's loss of two views of the rows."""
        return self._loss_of(here(self.material.pool[at]), source)

    @torch.no_grad()
    def validate(self) -> Curve:
        """Return the loss of the same views of validation rows every time, and the effective rank of the embedding."""
        rows = here(self.material.pool_val[:MEASURED])
        return {
            "val_loss": self._loss_of(rows, generator(0)).item(),
            "effective_rank": effective_rank(self.encoder(rows)),
        }

    def _loss_of(self, rows: Tensor, source: torch.Generator) -> Tensor:
        first, second = (
            self.projector(self.encoder(augment(rows, self.inputs, PRETRAINING, source))).float() for _ in range(2)
        )
        return vicreg(first, second)


def vicreg(first: Tensor, second: Tensor) -> Tensor:
    """Return the loss () of the projections (n, d) of two views of the same rows."""
    spread = sum((F.relu(1 - (z.var(dim=0) + 1e-4).sqrt()).mean() for z in (first, second)), torch.zeros(()))
    together = sum((_off_diagonal(z) for z in (first, second)), torch.zeros(()))
    return INVARIANCE * F.mse_loss(first, second) + VARIANCE * spread / 2 + COVARIANCE * together


def effective_rank(rows: Tensor) -> float:
    """Return how many directions (n, d) embeddings use: 1 if all lie on a line, d if all directions are equal."""
    values = torch.linalg.svdvals((rows - rows.mean(dim=0)).double())
    share = values / values.sum().clamp_min(1e-12)
    return float(torch.exp(-(share * share.clamp_min(1e-12).log()).sum()))


def _off_diagonal(z: Tensor) -> Tensor:
    """Return the sum of the squared covariances of different directions, over their number."""
    moved = z - z.mean(dim=0)
    covariance = moved.T @ moved / max(1, len(z) - 1)
    return (covariance.pow(2).sum() - covariance.diagonal().pow(2).sum()) / z.shape[1]
