"""Temperature scaling: one number that makes confidence mean accuracy (Guo et al. 2017)."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

LOWEST, HIGHEST = 0.05, 20.0
PRIOR_ROWS = 5.0
"""Weight of staying at the start, in rows: a handful of labels must not claim certainty."""


@torch.no_grad()
def fit_temperature(
    logits: Tensor,
    labels: Tensor,
    start: float = 1.0,
    pull: float = PRIOR_ROWS,
    within: tuple[float, float] = (LOWEST, HIGHEST),
) -> float:
    """Return the temperature with the lowest negative log-likelihood on rows that the logits were not fitted to.

    Args:
        logits: (n, k).
        labels: (n,) int64; rows with -1 are left out.
        start: Returned if no row has a label; otherwise a weak prior on the logarithm of the temperature.
        pull: Weight of that prior, in rows; 0 where there are rows enough to do without.
        within: Lowest and highest temperature that is looked at.
    """
    known = labels >= 0
    if not bool(known.any()):
        return start
    z, y = logits[known].double(), labels[known]

    def cost(log_t: float) -> float:
        nll = F.cross_entropy(z / math.exp(log_t), y, reduction="sum").item()
        return nll + pull * (log_t - math.log(start)) ** 2

    low, high = (math.log(end) for end in within)
    ratio = (math.sqrt(5) - 1) / 2
    a, b = high - ratio * (high - low), low + ratio * (high - low)
    cost_a, cost_b = cost(a), cost(b)
    # Golden section: the cost has one minimum in 1/T. It is flat there, so that a ten-thousandth of T costs nothing.
    while high - low > 1e-4:
        if cost_a < cost_b:
            high, b, cost_b = b, a, cost_a
            a = high - ratio * (high - low)
            cost_a = cost(a)
        else:
            low, a, cost_a = a, b, cost_b
            b = low + ratio * (high - low)
            cost_b = cost(b)
    return math.exp((low + high) / 2)
