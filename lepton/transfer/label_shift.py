"""Label shift: how the shares of the classes in a target differ from those the base learnt with.

The estimates of `models.label_mix` assume that each class looks the same in both domains. Under a shift of looks they
err, so others build on `plausible_prior`, which trusts an estimate only as far as the base reads the target with
confidence.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lepton.models.label_mix import bbse, mlls
from lepton.models.model import Model

TRUSTED = (0.93, 0.99)
"""Mean confidence of the base at which an estimate begins to count, and at which it counts fully. On fifteen pairs of
digit collections the source's own shares were nearer to the truth than the estimates up to 0.93, never above 0.97."""


def source_prior(base: Model) -> Tensor:
    """Return (k,) float64 shares that the base learnt with; equal ones if it does not know."""
    k = len(base.classes)
    if base.statistics is None:
        return torch.full((k,), 1 / k, dtype=torch.float64)
    smoothed = base.statistics.prior.clamp_min(1e-6)
    return smoothed / smoothed.sum()


def plausible_prior(base: Model, features: Tensor) -> Tensor:
    """Return (k,) float64 the target's shares: the source's, moved to the estimates as far as the base can be trusted.

    The estimate is the mean of BBSE and MLLS where the base knows its confusion, else MLLS alone.

    Args:
        base: The model; its temperature calibrates.
        features: (n, d) its embeddings of the target's rows.
    """
    prior = source_prior(base)
    if not len(features):
        return prior
    chances = torch.softmax(base.logits_of(features).double() / base.temperature, dim=1)
    found = mlls(chances, prior)
    if base.statistics is not None:
        found = (found + bbse(chances, base.statistics.confusion, prior)) / 2
    low, high = TRUSTED
    trust = ((chances.max(dim=1).values.mean() - low) / (high - low)).clamp(0, 1)
    return trust * found + (1 - trust) * prior
