"""Residual adapter: h' = h + T(h) on frozen features, then a head.

T is a bottleneck whose last layer starts at zero, so that with no data the adapted model *is* the base model
(Houlsby et al. 2019 use the same near-identity start). Adapters stack: the descendant of an adapted model gets
one more.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

import torch

from lepton.models.adapters import Bottleneck
from lepton.models.device import generator
from lepton.models.model import Model
from lepton.transfer.losses import cross_entropy, seen_classes
from lepton.transfer.prior import Prior
from lepton.transfer.strategy import Needs, Strategy, TargetData


@dataclass(frozen=True)
class ResidualConfig:
    """Chosen on MNIST -> optdigits and white -> red wine."""

    width: int = 32
    """Hidden units of T. 16-64 suffice for 128 features and a few hundred labels."""
    steps: int = 80
    """Full-batch steps. Cached features make 100 steps on 500 rows cost about 0.1 s."""
    lr: float = 5e-3
    """Of AdamW; falls to zero along a cosine."""
    pull: float = 1e-2
    """Weight of mean ||T(h)||^2: how hard the adapter is pulled back to doing nothing."""
    decay: float = 1e-2
    """Weight of ||W - W_base||^2 of the head."""
    noise: float = 0.2
    """Standard deviation of noise on the features, in their own: the cached form of augmentation."""


class Residual(Strategy):
    """Adapter and head on cached features. Costs about a second with its cross-validation."""

    name = "residual"
    needs = Needs(labels=True, features="frozen")
    prior = Prior(shares=(0.0, 0.5, 0.65, 0.7), tables=(0.0, -0.65, -0.4, -0.15), taught=True)
    config: ResidualConfig = ResidualConfig()

    def adapt(self, base: Model, target: TargetData, seed: int) -> Model:
        """Return a copy of `base` with one adapter more and a fitted head; see `Strategy.adapt`.

        The encoder stays in eval mode: its BatchNorm statistics are the base's.
        """
        rows, c = self.rows(target), self.config
        if not len(rows):
            return base.replace()
        adapter = Bottleneck(base.feature_dim, c.width, seed=seed)
        head = deepcopy(base.head)  # start from what is known
        origin = [p.detach() for p in base.head.parameters() if p.ndim > 1]
        source, seen = generator(seed), seen_classes(rows.labels)
        optimiser = torch.optim.AdamW([*adapter.parameters(), *head.parameters()], lr=c.lr, weight_decay=0.0)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, c.steps)
        for _ in range(c.steps):
            h = rows.features + c.noise * torch.randn(rows.features.shape, generator=source)
            moved = adapter(h)
            fit = cross_entropy(head(h + moved), rows.labels, seen)
            weights = [p for p in head.parameters() if p.ndim > 1]
            away = sum(((p - o).square().sum() for p, o in zip(weights, origin, strict=True)), torch.zeros(()))
            pull = c.pull * moved.square().mean() + c.decay * away
            optimiser.zero_grad(set_to_none=True)
            (fit + pull).backward()
            optimiser.step()
            schedule.step()
        return base.replace(adapters=[*base.bottlenecks(), adapter], head=head)

    def predict_seconds(self, labels: int, rows: int, kind: str) -> float:
        """Return about half a second and 3 ms a label."""
        return 0.5 + 0.003 * labels
