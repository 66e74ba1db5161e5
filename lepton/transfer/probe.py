"""Linear probe: a new head on frozen features, pulled towards the head that is already known.

Multinomial logistic regression whose penalty is ||W - W_base||^2 instead of ||W||^2: the prior says "the base is about
right", so one label in total or a class without labels does no harm (L2-SP, Li et al. 2018, applied to the head).
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lepton.models.model import Model
from lepton.transfer.losses import cross_entropy, seen_classes
from lepton.transfer.prior import Prior
from lepton.transfer.strategy import Needs, Strategy, TargetData


@dataclass(frozen=True)
class ProbeConfig:
    """Chosen on MNIST -> optdigits and white -> red wine."""

    pull: float = 3.0
    """Weight of ||W - W_base||^2 / 2 against the *sum* of losses: the more labels, the less it counts."""
    steps: int = 100
    """Most L-BFGS iterations; the problem is convex, so the seed does not matter."""


class Probe(Strategy):
    """Logistic regression on cached features. Costs well under a second."""

    name = "probe"
    needs = Needs(labels=True, features="frozen")
    prior = Prior(shares=(0.0, 0.55, 0.65, 0.75), tables=(0.0, -0.45, -0.25, -0.1), taught=True)
    config: ProbeConfig = ProbeConfig()

    def adapt(self, base: Model, target: TargetData, seed: int) -> Model:
        """Return a copy of `base` with another head; see `Strategy.adapt`."""
        rows = self.rows(target)
        if not len(rows):
            return base.replace()
        return base.replace(head=fit_head(base.head, rows.features, rows.labels, self.config))

    def predict_seconds(self, labels: int, rows: int, kind: str) -> float:
        """Return about 0.3 s and a millisecond a label."""
        return 0.3 + 0.001 * labels


def fit_head(start: nn.Module, features: Tensor, labels: Tensor, config: ProbeConfig) -> nn.Module:
    """Return the head with the least penalised loss on (n, d) features and (n,) labels."""
    head = deepcopy(start)
    seen = seen_classes(labels)
    origin = [p.detach().clone() for p in start.parameters()]
    optimiser = torch.optim.LBFGS(
        head.parameters(), max_iter=config.steps, tolerance_grad=1e-5, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimiser.zero_grad(set_to_none=True)
        fit = cross_entropy(head(features), labels, seen) * len(labels)
        pull = sum(((p - o).square().sum() for p, o in zip(head.parameters(), origin, strict=True)), torch.zeros(()))
        total = (fit + config.pull / 2 * pull) / len(labels)
        total.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return total

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    return head
