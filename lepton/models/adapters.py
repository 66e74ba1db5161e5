"""Adapters T of h' = h + T(h): small networks on the embedding."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lepton.models.device import seeded


class Bottleneck(nn.Module):
    """T(h) = up(relu(down(h))), with `up` zero at the start, so that h + T(h) is h exactly.

    Houlsby et al. 2019, "Parameter-Efficient Transfer Learning for NLP", use the same near-identity start.

    Args:
        features: Size d of the embedding.
        width: Hidden units.
        seed: Of the `down` layer.
    """

    def __init__(self, features: int, width: int, seed: int = 0) -> None:
        super().__init__()
        self.features = features
        self.width = width
        with seeded(seed):
            self.down = nn.Linear(features, width)
            self.up = nn.Linear(width, features)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, h: Tensor) -> Tensor:
        """Return T(h), (n, d) -> (n, d)."""
        moved: Tensor = self.up(torch.relu(self.down(h)))
        return moved
