"""The shape of an encoder: built from the configuration and the input's shape, it says how large its embedding is."""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from lepton.core.config import EncoderConfig
from lepton.core.table import Kind


class Encoder(nn.Module):
    """h = E(x).

    Args:
        config: Sizes.
        shape: Shape of one prepared row: (C, S, S) for images, (columns,) for tables.
    """

    name: ClassVar[str] = ""
    """By which `lepton.yaml` and `model.json` call it."""
    kind: ClassVar[Kind]
    """What rows it reads."""

    feature_dim: int
    """Size d of the embedding."""

    def __init__(self, config: EncoderConfig, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.config = config
        self.shape = shape
        self.feature_dim = config.features

    def depth_groups(self) -> list[nn.Module]:
        """Return the parts from the input to the embedding, for learning rates that grow with depth."""
        raise NotImplementedError
