"""Reptile: the encoder moves towards where a few steps on an episode would take it.

Nichol, Achiam & Schulman 2018, "On First-Order Meta-Learning Algorithms": encoder and a new head are trained on an
episode by plain gradient descent; the difference of the encoder before and after takes the place of a gradient.
"""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lepton.core.config.pretrain import PretrainConfig, StageFields
from lepton.models.augment import LIGHT, augment
from lepton.models.model import Model
from lepton.pretraining.anil import Episodic
from lepton.pretraining.engine import Learner
from lepton.pretraining.material import Material
from lepton.pretraining.objective import Objective

STEPS, RATE = 4, 0.05


class Reptile(Objective):
    """Episodes over domains and classes; all of the encoder is adapted within one."""

    name = "reptile"
    tasks = True

    def learner(
        self, model: Model, material: Material, config: PretrainConfig, plan: StageFields, seed: int
    ) -> Learner:
        """Return the encoder as what learns; see `Objective.learner`."""
        return Whole(model, material, plan)


class Whole(Episodic):
    """The step of Reptile, left as a gradient."""

    def gradients(self, at: Tensor, plan: StageFields, source: torch.Generator) -> float:
        """Leave (before - after) / rate of one episode in the encoder, and return the loss of its last step."""
        one = self.episodes.draw(len(at), source)
        rows, y = torch.cat([one.support, one.queries]), torch.cat([one.support_y, one.queries_y])
        encoder, head = deepcopy(self.model.encoder), nn.Linear(self.model.feature_dim, one.ways)
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)
        weights = [*encoder.parameters(), *head.parameters()]
        loss = torch.zeros(())
        for _ in range(STEPS):
            seen = augment(rows, self.model.inputs, LIGHT, source) if self.plan.augment else rows
            loss = F.cross_entropy(head(encoder(seen)), y)
            with torch.no_grad():
                for weight, slope in zip(weights, torch.autograd.grad(loss, weights), strict=True):
                    weight.sub_(slope, alpha=RATE)
        for before, after in zip(self.model.encoder.parameters(), encoder.parameters(), strict=True):
            before.grad = (before.detach() - after.detach()) / RATE
        for own, seen_now in zip(self.model.encoder.buffers(), encoder.buffers(), strict=True):
            own.copy_(seen_now)  # the statistics of BatchNorm
        return loss.item()
