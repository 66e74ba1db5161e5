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
def fit_temperature(logits: Tensor, labels: Tensor, start: float = 1.0) -> float:
    """Return the temperature with the lowest negative log-likelihood on rows that the logits were not fitted to.

    Args:
        logits: (n, k).
        labels: (n,) int64; rows with -1 are left out.
        start: Returned if no row has a label; otherwise a weak prior on the logarithm of the temperature.
    """
    known = labels >= 0
    if not bool(known.any()):
        return start
    z, y = logits[known].double(), labels[known]

    def cost(log_t: float) -> float:
        nll = F.cross_entropy(z / math.exp(log_t), y, reduction="sum").item()
        return nll + PRIOR_ROWS * (log_t - math.log(start)) ** 2

    low, high = math.log(LOWEST), math.log(HIGHEST)
    ratio = (math.sqrt(5) - 1) / 2
    for _ in range(40):  # golden section: the cost has one minimum in 1/T, and 40 steps leave nothing to gain
        a, b = high - ratio * (high - low), low + ratio * (high - low)
        if cost(a) < cost(b):
            high = b
        else:
            low = a
    return math.exp((low + high) / 2)
