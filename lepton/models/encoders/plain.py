"""No encoder: the embedding is the prepared columns themselves, so that a linear head on it is logistic regression.

What is plain is hard to beat where a table is small or has moved: few numbers to fit, and none that bends.
"""

from __future__ import annotations

from torch import Tensor, nn

from lepton.core.config.settings import EncoderConfig
from lepton.models.encoders.base import Encoder
from lepton.models.layout import Layout


class Plain(Encoder):
    """(n, columns) -> (n, columns); nothing is learnt, and `encoder.features` is not asked."""

    name = "plain"
    kinds = ("tabular",)

    def __init__(self, config: EncoderConfig, layout: Layout) -> None:
        super().__init__(config, layout)
        (self.feature_dim,) = layout.shape

    def forward(self, x: Tensor) -> Tensor:
        """Return the rows as they are."""
        return x

    def depth_groups(self) -> list[nn.Module]:
        """Return no part: there is none."""
        return []
