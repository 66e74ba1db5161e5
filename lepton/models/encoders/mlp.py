"""Two-layer perceptron for tables whose columns are already standardised, indicated and one-hot encoded."""

from __future__ import annotations

from torch import Tensor, nn

from lepton.core.config.settings import EncoderConfig
from lepton.models.encoders.base import Encoder
from lepton.models.layout import Layout


class Mlp(Encoder):
    """(n, columns) -> (n, features)."""

    name = "mlp"
    kinds = ("tabular",)
    tried_for = ("tabular",)
    default_for = ("tabular",)

    def __init__(self, config: EncoderConfig, layout: Layout) -> None:
        super().__init__(config, layout)
        hidden = 4 * config.width
        self.first = nn.Sequential(nn.Linear(layout.shape[0], hidden), nn.BatchNorm1d(hidden), nn.ReLU())
        self.second = nn.Sequential(nn.Linear(hidden, hidden), nn.BatchNorm1d(hidden), nn.ReLU())
        self.out = nn.Sequential(nn.Linear(hidden, config.features), nn.BatchNorm1d(config.features))

    def forward(self, x: Tensor) -> Tensor:
        """Return the embedding (n, d)."""
        h: Tensor = self.out(self.second(self.first(x)))
        return h

    def depth_groups(self) -> list[nn.Module]:
        """Return first, second, out."""
        return [self.first, self.second, self.out]
