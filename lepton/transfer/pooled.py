"""Pooled: one linear discriminant of source and target together, the source by its exact moments.

Linear discriminant analysis (Fisher 1936; regularised as Friedman 1989) asks of rows only how many there are of each
class, their means and their spread within the classes: what the base keeps of its own domain. So the source's rows take
part without being there, and a head fitted to a target's newest rows does not forget them. How many rows the source
counts for is chosen by the labels: by the loss on those that were held back, the largest of equals.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lepton.models.calibration import fit_temperature
from lepton.models.device import seeded
from lepton.models.joint import MixtureHead
from lepton.models.model import Model
from lepton.models.statistics import DomainStatistics
from lepton.transfer.folds import least_loss
from lepton.transfer.prior import Prior
from lepton.transfer.strategy import Needs, NoStatistics, Strategy, TargetData


@dataclass(frozen=True)
class PooledConfig:
    """What is chosen among."""

    source_rows: tuple[float, ...] = (300.0, 30.0, 3.0)
    """Rows a class that the source counts for beside each labelled row's 1; the first of equals is taken."""
    folds: int = 3
    """Of the cross-validation that chooses."""
    shrink: float = 0.1
    """Share of the spread replaced by its mean variance."""


@dataclass(frozen=True)
class _Moments:
    """Of rows with labels, in double precision; k classes, d features."""

    counts: Tensor
    """(k,)"""
    means: Tensor
    """(k, d), zero where a class has no row."""
    within: Tensor
    """(d, d) scatter around the classes' means, summed over rows."""


class Pooled(Strategy):
    """A linear discriminant on cached features. Costs milliseconds."""

    name = "pooled"
    needs = Needs(labels=True, features="frozen", statistics=True)
    prior = Prior(shares=(0.0, -0.1, 0.55, 0.65), tables=(0.0, 0.05, 0.0, 0.05), tables_spread=0.1, taught=True)
    config: PooledConfig = PooledConfig()

    def adapt(self, base: Model, target: TargetData, seed: int) -> Model:
        """Return a copy of `base` whose head is the discriminant; see `Strategy.adapt`.

        An ensemble's head is a mixture, which one linear map cannot take the place of: it is returned as it is.

        Raises:
            NoStatistics: If the base does not know its own domain.
        """
        rows = self.rows(target)
        if not len(rows) or isinstance(base.head, MixtureHead):
            return base.replace()
        if base.statistics is None:
            raise NoStatistics.of(self.name)
        source = _of_domain(base.statistics)
        h, y = rows.features.double(), rows.labels
        weight, bias = self._discriminant(source, _of_rows(h, y, len(source.counts)), self._count(source, h, y, seed))
        with seeded(0):  # its first weights are not used
            head = nn.Linear(weight.shape[1], weight.shape[0])
        with torch.no_grad():
            head.weight.copy_(weight)
            head.bias.copy_(bias)
        model = base.replace(head=head)
        model.temperature = fit_temperature(model.logits_of(rows.features), y)
        return model

    def _count(self, source: _Moments, h: Tensor, y: Tensor, seed: int) -> float:
        """Return for how many rows a class the source counts: by the least loss on rows that were held back."""

        def loss(count: float, held_back: NDArray[np.bool_]) -> float:
            out = torch.from_numpy(held_back)
            weight, bias = self._discriminant(source, _of_rows(h[~out], y[~out], len(source.counts)), count)
            return nn.functional.cross_entropy(h[out] @ weight.T + bias, y[out], reduction="sum").item()

        return least_loss(self.config.source_rows, y.numpy(), self.config.folds, seed, loss)

    def _discriminant(self, source: _Moments, target: _Moments, count: float) -> tuple[Tensor, Tensor]:
        """Return (k, d) weights and (k,) biases of the logits."""
        told = count * (source.counts > 0)
        both = told + target.counts
        means = (told[:, None] * source.means + target.counts[:, None] * target.means) / both.clamp_min(1e-9)[:, None]
        unknown = both <= 0  # neither has a row: as far from every class as the middle of all
        means[unknown] = (both[:, None] * means).sum(dim=0) / both.sum()
        between = _scatter(told, source.means - means) + _scatter(target.counts, target.means - means)
        shared = told.sum() / source.counts.sum().clamp_min(1e-9)
        spread = (shared * source.within + target.within + between) / both.sum()
        variance = spread.diagonal().mean().clamp_min(1e-9)
        identity = torch.eye(len(spread), dtype=torch.float64)
        shrunk = (1 - self.config.shrink) * spread + self.config.shrink * variance * identity
        weight = torch.linalg.solve(shrunk, means.T).T
        # Few labels say little of how common a class is; the source's shares count like its rows.
        shares = count * len(both) * source.counts / source.counts.sum() + target.counts
        bias = (shares / shares.sum()).clamp_min(1e-6).log() - (weight * means).sum(dim=1) / 2
        return weight, bias

    def predict_seconds(self, labels: int, rows: int, kind: str) -> float:
        """Return about half a second."""
        return 0.5 + 0.001 * labels


def _of_domain(known: DomainStatistics) -> _Moments:
    """Return the moments of the base's own domain; a class of too few rows for a prototype counts for none."""
    there = ~torch.isnan(known.prototypes).any(dim=1)
    means = torch.where(there[:, None], known.prototypes.double(), 0.0)
    counts = torch.where(there, known.counts.double(), 0.0)
    total = known.covariance.double() * max(1, int(known.rows) - 1)
    return _Moments(counts, means, total - _scatter(counts, means - known.mean.double()))


def _of_rows(h: Tensor, y: Tensor, k: int) -> _Moments:
    """Return the moments of embeddings (n, d) with labels (n,)."""
    ones = nn.functional.one_hot(y, k).double()
    counts = ones.sum(dim=0)
    means = (ones.T @ h) / counts.clamp_min(1)[:, None]
    away = h - means[y]
    return _Moments(counts, means, away.T @ away)


def _scatter(counts: Tensor, away: Tensor) -> Tensor:
    """Return (d, d) the sum of outer products of (k, d), each as often as it counts."""
    found: Tensor = (away * counts[:, None]).T @ away
    return found
