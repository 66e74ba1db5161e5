"""How often each class occurs among rows without labels, from a model's answers.

Two estimates. BBSE (Lipton et al. 2018): the mean answer is a mixture of the mean answers to each true class, and
solving for the mixture gives the shares. MLLS (Saerens et al. 2002, recommended with calibrated answers by Alexandari
et al. 2020): the shares that make the rows likeliest, by EM. Both assume that each class looks as it did where the
model learnt; under a shift of looks they err.
"""

from __future__ import annotations

import torch
from scipy.optimize import nnls
from torch import Tensor

ROWS_OF_BELIEF = 2.0
"""Weight of the source's shares in MLLS, in rows a class (a Dirichlet prior): a class must not vanish by accident."""
ROUNDS = 200
RIDGE = 0.1
"""Weight of staying at the source's shares in BBSE, whose system is often close to singular."""


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
