"""The classic fully connected stack, 784-256-128-64 for an image of 28 x 28: rarely the best, always a yardstick.

Hinton & Salakhutdinov 2006, "Reducing the Dimensionality of Data with Neural Networks", trained such stacks as
autoencoders; here `pretrain.objectives: [reconstruction, supervised]` does. Set `encoder.features` to 64 for the very
sizes of the name.
"""

from __future__ import annotations

import itertools
import math

from torch import Tensor, nn

from lepton.core.config.settings import EncoderConfig
from lepton.models.encoders.base import Encoder
from lepton.models.layout import Layout

WIDTHS = (256, 128)


class Stack(Encoder):
    """(n, C, S, S) -> (n, features)."""

    name = "stack"
    kinds = ("image",)

    def __init__(self, config: EncoderConfig, layout: Layout) -> None:
        super().__init__(config, layout)
        sizes = (math.prod(layout.shape), *WIDTHS)
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Linear(before, after), nn.BatchNorm1d(after), nn.ReLU())
            for before, after in itertools.pairwise(sizes)
        )
        self.out = nn.Sequential(nn.Linear(sizes[-1], config.features), nn.BatchNorm1d(config.features))

    def forward(self, x: Tensor) -> Tensor:
        """Return the embedding (n, d)."""
        h = x.flatten(1)
        for layer in self.layers:
            h = layer(h)
        found: Tensor = self.out(h)
        return found

    def depth_groups(self) -> list[nn.Module]:
        """Return the hidden layers and the last one."""
        return [*self.layers, self.out]
