"""Small residual convolutional network for images up to a few dozen pixels a side.

Three stages of BatchNorm convolutions, each halving the side, then a 3 x 3 grid (digits, parts and defects differ by
*where* things are, which a global mean would lose) and a linear map to the embedding. The embedding is batch-normalised
on the source, so that its coordinates have about unit variance and one regularisation fits all probes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lepton.core.config.settings import EncoderConfig
from lepton.models.encoders.base import Encoder
from lepton.models.layout import Layout


class Residual(nn.Module):
    """x + two convolutions of x, channels unchanged."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, c, s, s) for (n, c, s, s)."""
        inner = torch.relu(self.norm1(self.first(x)))
        return torch.relu(x + self.norm2(self.second(inner)))


def _halve(before: int, after: int) -> nn.Sequential:
    """Convolve to other channels and halve the side; pooling first costs a quarter and hurts little past the stem."""
    return nn.Sequential(
        nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2)
    )


class Cnn(Encoder):
    """(n, C, S, S) -> (n, features)."""

    name = "cnn"
    kinds = ("image",)
    default_for = ("image",)

    def __init__(self, config: EncoderConfig, layout: Layout) -> None:
        super().__init__(config, layout)
        w = config.width
        self.stem = _halve(layout.shape[0], w)
        self.middle = _halve(w, 2 * w)
        self.top = nn.Sequential(Residual(2 * w), nn.AdaptiveAvgPool2d(3), nn.Flatten())
        self.out = nn.Sequential(nn.Linear(2 * w * 9, config.features), nn.BatchNorm1d(config.features))
        # Kernels laid out like the images: training is a quarter faster. Set here, before weights are loaded, so that a
        # model computes the same bits before it is saved and after.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs know tensors only

    def forward(self, x: Tensor) -> Tensor:
        """Return the embedding (n, d)."""
        x = x.contiguous(memory_format=torch.channels_last)
        h: Tensor = self.out(self.top(self.middle(self.stem(x))))
        return h

    def depth_groups(self) -> list[nn.Module]:
        """Return stem, middle, top, out."""
        return [self.stem, self.middle, self.top, self.out]
