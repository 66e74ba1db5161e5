"""The head of a base whose last objective made none: logistic regression on its embeddings."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PENALTY = 1e-3
"""Of the squared weights, on embeddings of about unit variance."""
STEPS = 100


def fit_head(features: Tensor, labels: Tensor, classes: int) -> nn.Linear:
    """Return a linear head fitted by L-BFGS from zero; nothing is random.

    Args:
        features: (n, d).
        labels: (n,) int64.
        classes: k outputs.
    """
    head = nn.Linear(features.shape[1], classes)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    optimiser = torch.optim.LBFGS(head.parameters(), max_iter=STEPS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = F.cross_entropy(head(features), labels) + PENALTY * head.weight.pow(2).sum() / 2
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return head.requires_grad_(True)
