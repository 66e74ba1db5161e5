"""Label shift: how the shares of the classes in a target differ from those the base learnt with.

Two estimates from unlabelled rows. BBSE (Lipton et al. 2018): the mean answer on the target is a mixture of the mean
answers to each true class, and solving for the mixture gives the shares. MLLS (Saerens et al. 2002, recommended with
calibrated answers by Alexandari et al. 2020): the shares that make the target's rows likeliest, by EM. Both assume that
each class looks the same in both domains. Under a shift of looks they err, so others build on `plausible_prior`,
which trusts an estimate only as far as the base reads the target with confidence.
"""

from __future__ import annotations

import torch
from scipy.optimize import nnls
from torch import Tensor

from lepton.models.model import Model

ROWS_OF_BELIEF = 2.0
"""Weight of the source's shares in MLLS, in rows a class (a Dirichlet prior): a class must not vanish by accident."""
ROUNDS = 200
RIDGE = 0.1
"""Weight of staying at the source's shares in BBSE, whose system is often close to singular."""
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


def mlls(chances: Tensor, prior: Tensor) -> Tensor:
    """Return (k,) float64 the likeliest shares of the classes among the rows, by EM.

    Args:
        chances: (n, k) calibrated probabilities.
        prior: (k,) shares that they were learnt with.
    """
    p, source = chances.double(), prior.double()
    belief = ROWS_OF_BELIEF * len(source) * source
    found = source.clone()
    for _ in range(ROUNDS):
        weighted = p * (found / source)
        weighted = weighted / weighted.sum(dim=1, keepdim=True).clamp_min(1e-300)
        after = (weighted.sum(dim=0) + belief) / (len(p) + belief.sum())
        if bool((after - found).abs().max() < 1e-9):
            break
        found = after
    return found


def bbse(chances: Tensor, confusion: Tensor, prior: Tensor) -> Tensor:
    """Return (k,) float64 the shares that explain the mean answer, by non-negative least squares near the prior.

    Args:
        chances: (n, k) probabilities on the target.
        confusion: (k, k) mean probabilities by true class on held-back source rows; a row of NaN is taken as certainty.
        prior: (k,) shares that they were learnt with.
    """
    k = len(prior)
    known = torch.where(torch.isnan(confusion), torch.eye(k, dtype=torch.float64), confusion.double())
    ridge = RIDGE * torch.eye(k, dtype=torch.float64)
    system = torch.cat([known.T, ridge])
    wanted = torch.cat([chances.double().mean(dim=0), RIDGE * prior.double()])
    found = torch.from_numpy(nnls(system.numpy(), wanted.numpy())[0])
    total = found.sum()
    return found / total if float(total) > 0 else prior.double()


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
