"""Gated recurrent unit for sequences, read step by step (Cho et al. 2014).

The embedding is made of the mean and the maximum of the hidden states over the steps that a sequence has, and of its
last one. The unit runs forward only, so what is padded behind a sequence's end never reaches the states before it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lepton.core.config.settings import EncoderConfig
from lepton.models.encoders.base import Encoder
from lepton.models.layout import Layout


class Gru(Encoder):
    """(n, T, F + 1) -> (n, features); the last of the F + 1 numbers of a step says whether it is there."""

    name = "gru"
    kinds = ("sequence",)
    default_for = ("sequence",)

    def __init__(self, config: EncoderConfig, layout: Layout) -> None:
        super().__init__(config, layout)
        hidden = 4 * config.width
        self.gru = nn.GRU(layout.shape[1], hidden, batch_first=True)
        self.out = nn.Sequential(nn.Linear(3 * hidden, config.features), nn.BatchNorm1d(config.features))

    def forward(self, x: Tensor) -> Tensor:
        """Return the embedding (n, d)."""
        states, _ = self.gru(x)
        there = x[..., -1:] > 0
        count = there.sum(dim=1).clamp_min(1)
        mean = (states * there).sum(dim=1) / count
        most = torch.where(there, states, -1.0).amax(dim=1)  # states lie within -1..1
        last = states.gather(1, (count - 1)[:, :, None].expand(-1, 1, states.shape[2]))[:, 0]
        h: Tensor = self.out(torch.cat([mean, most, last], dim=1))
        return h

    def depth_groups(self) -> list[nn.Module]:
        """Return the unit and the map to the embedding."""
        return [self.gru, self.out]
