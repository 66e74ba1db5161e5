"""ANIL: the encoder learns what lets a head alone, after a few steps on a few rows, tell a domain's other rows.

Raghu et al. 2020, "Rapid Learning or Feature Reuse? Towards Understanding the Effectiveness of MAML": the inner loop
adapts the head only, from zero; the outer loss on the episode's other rows goes back through these steps.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from lepton.core.config.pretrain import PretrainConfig, StageFields
from lepton.core.errors import LeptonError
from lepton.models.augment import LIGHT, augment
from lepton.models.model import Model
from lepton.pretraining.engine import Curve, Learner, LossLearner
from lepton.pretraining.episodes import Episodes, told_by_prototypes
from lepton.pretraining.material import Material
from lepton.pretraining.objective import Objective

STEPS, RATE = 5, 0.5


class Anil(Objective):
    """Episodes over domains and classes; only the head is adapted within one."""

    name = "anil"
    tasks = True

    def learner(
        self, model: Model, material: Material, config: PretrainConfig, plan: StageFields, seed: int
    ) -> Learner:
        """Return the encoder as what learns; see `Objective.learner`."""
        return HeadOnly(model, material, plan)


class Episodic(Learner):
    """The encoder on episodes; an epoch has as many as it has batches of the source's rows."""

    def __init__(self, model: Model, material: Material, plan: StageFields) -> None:
        super().__init__(model.encoder, len(material.train.x))
        self.model, self.material, self.plan = model, material, plan
        self.episodes = Episodes(material)
        if not len(self.episodes):
            raise LeptonError(
                "There are too few rows to draw episodes from.",
                why="An episode takes two classes of a domain, with more than five labelled training rows each.",
                fix=["lepton ingest SOURCE FILE  (more labelled rows)", "choose another pretrain.objective"],
            )

    def validate(self) -> Curve:
        """Return loss and accuracy of the source's prototypes on its validation rows."""
        return told_by_prototypes(self.model, self.material)

    def embed(self, rows: Tensor, source: torch.Generator) -> Tensor:
        """Return the embeddings (n, d) of rows, augmented lightly."""
        seen = augment(rows, self.model.inputs, LIGHT, source) if self.plan.augment else rows
        h: Tensor = self.model.encoder(seen)
        return h


class HeadOnly(Episodic, LossLearner):
    """The outer loss of ANIL."""

    def loss(self, at: Tensor, source: torch.Generator) -> Tensor:
        """Return the loss on the queries of one episode, by a head learnt on its support."""
        one = self.episodes.draw(len(at), source)
        h = self.embed(torch.cat([one.support, one.queries]), source)
        support, queries = h[: len(one.support)], h[len(one.support) :]
        weight, bias = torch.zeros(one.ways, h.shape[1], requires_grad=True), torch.zeros(one.ways, requires_grad=True)
        for _ in range(STEPS):
            inner = F.cross_entropy(F.linear(support, weight, bias), one.support_y)
            slopes = torch.autograd.grad(inner, (weight, bias), create_graph=True)
            weight, bias = weight - RATE * slopes[0] / h.shape[1] ** 0.5, bias - RATE * slopes[1]
        return F.cross_entropy(F.linear(queries, weight, bias), one.queries_y)
