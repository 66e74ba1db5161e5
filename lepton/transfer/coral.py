"""CORAL without the source's rows: the target's embeddings are given the mean and covariance of the base's own domain.

Sun & Saenko 2016, "Return of Frustratingly Easy Domain Adaptation", with the source reduced to the statistics that the
base keeps: whiten by the target's covariance, colour by the source's. Both are shrunk and computed in double precision.
The map is affine, so it is folded into the head exactly: nothing is added to the model.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lepton.models.joint import MixtureHead
from lepton.models.model import Model
from lepton.transfer.prior import Prior
from lepton.transfer.probe import ProbeConfig, fit_head
from lepton.transfer.strategy import Needs, NoStatistics, Strategy, TargetData


@dataclass(frozen=True)
class CoralConfig:
    """Chosen on semeion -> USPS."""

    shrink: float = 0.1
    """Share of a covariance replaced by its mean variance: a few hundred rows do not fill 128 x 128."""
    source_rows: float = 64.0
    """Pseudo-rows with the source's moments among the target's: few rows align little."""


class Coral(Strategy):
    """Second moments on cached features; labelled rows, where there are any, then fit the head. Costs little."""

    name = "coral"
    needs = Needs(labels=False, features="frozen", statistics=True)
    prior = Prior(shares=(0.2, 0.4, 0.55, 0.7), tables=(0.05, -0.4, -0.25, -0.1), taught=True)
    config: CoralConfig = CoralConfig()

    def adapt(self, base: Model, target: TargetData, seed: int) -> Model:
        """Return a copy of `base` whose head reads aligned embeddings; see `Strategy.adapt`.

        An ensemble's head is no single linear map, so nothing can be folded into it: it is returned as it is.

        Raises:
            NoStatistics: If the base does not know its own domain.
        """
        if len(target) < 2 or isinstance(base.head, MixtureHead):
            return base.replace()
        if base.statistics is None:
            raise NoStatistics.of(self.name)
        matrix, offset = self._alignment(base, target.features)
        head: nn.Module = _folded(base.head, matrix, offset)
        rows = target.labelled()
        if len(rows):
            head = fit_head(head, rows.features, rows.labels, ProbeConfig())
        return base.replace(head=head)

    def _alignment(self, base: Model, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return (d, d) A and (d,) b: h A + b has the source's moments."""
        assert base.statistics is not None
        c, h = self.config, features.double()
        share = len(h) / (len(h) + c.source_rows)
        mean, covariance = base.statistics.mean.double(), base.statistics.covariance.double()
        centre = share * h.mean(dim=0) + (1 - share) * mean
        spread = share * torch.cov(h.T) + (1 - share) * covariance
        matrix = _power(spread, -0.5, c.shrink) @ _power(covariance, 0.5, c.shrink)
        return matrix, mean - centre @ matrix

    def predict_seconds(self, labels: int, rows: int, kind: str) -> float:
        """Return about half a second, and a millisecond a label."""
        return 0.5 + 0.001 * labels + 1e-5 * rows


def _power(covariance: Tensor, exponent: float, shrink: float) -> Tensor:
    """Return a power of a shrunk covariance (d, d)."""
    variance = covariance.diagonal().mean().clamp_min(1e-9)
    shrunk = (1 - shrink) * covariance + shrink * variance * torch.eye(len(covariance), dtype=torch.float64)
    values, vectors = torch.linalg.eigh((shrunk + shrunk.T) / 2)
    powers: Tensor = values.clamp_min(1e-9 * float(variance)) ** exponent
    found: Tensor = (vectors * powers) @ vectors.T
    return found


@torch.no_grad()
def _folded(head: nn.Module, matrix: Tensor, offset: Tensor) -> nn.Linear:
    """Return the linear head that answers to h as `head` does to h A + b."""
    if not isinstance(head, nn.Linear):
        raise TypeError("only a linear head can take an affine map in")
    folded = deepcopy(head)
    weight = head.weight.double()
    folded.weight.copy_(weight @ matrix.T)
    folded.bias.copy_(head.bias.double() + weight @ offset)
    return folded
