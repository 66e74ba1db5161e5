"""Prototypes: a row belongs to the class whose mean embedding is nearest.

Snell et al. 2017: with squared distances, that is a linear head of its own (weight 2c, bias -|c|^2). The means are
those of the base's own domain, moved by the target's rows as far as their number allows: labelled rows count fully, the
others by the base's belief in them. So a class that nobody has labelled yet keeps its place, and moves with its rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lepton.models.calibration import fit_temperature
from lepton.models.device import seeded
from lepton.models.joint import MixtureHead
from lepton.models.model import Model
from lepton.transfer.label_shift import plausible_prior, source_prior
from lepton.transfer.prior import Prior
from lepton.transfer.strategy import Needs, NoStatistics, Strategy, TargetData


@dataclass(frozen=True)
class PrototypeConfig:
    """Chosen on semeion -> USPS."""

    source_rows: float = 3.0
    """Rows that the source's prototype counts for."""
    unlabelled: float = 0.2
    """What a row without a label counts for, beside a labelled one's 1."""
    rounds: int = 3
    """How often rows without a label are assigned anew."""


class Prototype(Strategy):
    """Class means on cached features. Costs milliseconds."""

    name = "prototype"
    needs = Needs(labels=False, features="frozen", statistics=True)
    prior = Prior(shares=(0.6, 0.5, 0.5, 0.6), tables=(-0.3, -0.3, -0.25, -0.15))
    config: PrototypeConfig = PrototypeConfig()

    def adapt(self, base: Model, target: TargetData, seed: int) -> Model:
        """Return a copy of `base` with a head that measures distances to prototypes; see `Strategy.adapt`.

        An ensemble's head is a mixture, which prototypes cannot take the place of: it is returned as it is.

        Raises:
            NoStatistics: If the base does not know its own domain.
        """
        if not len(target) or isinstance(base.head, MixtureHead):
            return base.replace()
        if base.statistics is None:
            raise NoStatistics.of(self.name)
        c, h = self.config, target.features.double()
        known = target.labels >= 0
        chances = torch.softmax(base.logits_of(target.features).double() / base.temperature, dim=1)
        k = chances.shape[1]
        start = base.statistics.prototypes.double()
        there = ~torch.isnan(start).any(dim=1)
        start = torch.where(there[:, None], start, base.statistics.mean.double())
        prior = plausible_prior(base, target.features)
        scale = _scale(h, start, chances)
        means = start
        for _ in range(c.rounds):
            weights = c.unlabelled * chances
            weights[known] = torch.nn.functional.one_hot(target.labels[known], k).double()
            pull = c.source_rows * there.double()
            means = (pull[:, None] * start + weights.T @ h) / (pull + weights.sum(dim=0))[:, None].clamp_min(1e-9)
            chances = torch.softmax(_logits(h, means, scale) + prior.clamp_min(1e-6).log(), dim=1)
        return _with_head(base, target, means, scale, prior)

    def predict_seconds(self, labels: int, rows: int, kind: str) -> float:
        """Return about a tenth of a second."""
        return 0.1 + 1e-5 * rows


def _logits(h: Tensor, means: Tensor, scale: float) -> Tensor:
    """Return (n, k) minus half the squared distances over the scale, the part that all classes share left out."""
    return (h @ means.T - means.square().sum(dim=1) / 2) / scale


def _scale(h: Tensor, means: Tensor, chances: Tensor) -> float:
    """Return the mean variance of a coordinate within the classes: distances in it are log-odds."""
    distances = torch.cdist(h, means).square()
    return max(float((distances * chances).sum(dim=1).mean()) / h.shape[1], 1e-6)


def _with_head(base: Model, target: TargetData, means: Tensor, scale: float, prior: Tensor) -> Model:
    """Return the base with the prototypes as its linear head, its temperature fitted to labels or to the base."""
    with seeded(0):  # its first weights are not used
        head = nn.Linear(means.shape[1], means.shape[0])
    shift = prior.clamp_min(1e-6).log() - source_prior(base).log() if base.statistics is not None else 0.0
    with torch.no_grad():
        head.weight.copy_(means / scale)
        head.bias.copy_(-means.square().sum(dim=1) / (2 * scale) + shift)
    model = base.replace(head=head)
    logits = model.logits_of(target.features)
    answers = target.labels if bool((target.labels >= 0).any()) else base.logits_of(target.features).argmax(dim=1)
    model.temperature = fit_temperature(logits, answers)
    return model
