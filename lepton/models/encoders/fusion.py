"""Several inputs of a row as one embedding, of which any may be missing.

Each input has the encoder of its kind; a missing one is replaced by a learnt embedding of its own. In training, inputs
are left out at random (see `augment`), so that no answer hangs on one of them alone (Neverova et al. 2015, "ModDrop").
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lepton.core.config.settings import EncoderConfig
from lepton.models.encoders.base import Encoder
from lepton.models.layout import Layout


class Fusion(Encoder):
    """(n, P + all numbers of the P inputs) -> (n, features); the first P say which inputs are there."""

    name = "fusion"
    kinds = ("mixed",)
    default_for = ("mixed",)

    def __init__(self, config: EncoderConfig, layout: Layout) -> None:
        # Here, since the encoders that it joins are found in the package that holds it.
        from lepton.models.encoders import build_encoder

        super().__init__(config, layout)
        single = config.model_copy(update={"name": None})
        self.parts = nn.ModuleList(build_encoder(single, part) for part in layout.parts)
        self.missing = Missing(len(layout.parts), config.features)
        joined = len(layout.parts) * config.features
        self.out = nn.Sequential(nn.Linear(joined, config.features), nn.BatchNorm1d(config.features))

    def forward(self, x: Tensor) -> Tensor:
        """Return the embedding (n, d)."""
        there, inputs = self.layout.split(x)
        found = [part(rows) for part, rows in zip(self.parts, inputs, strict=True)]
        h: Tensor = self.out(self.missing(torch.stack(found, dim=1), there > 0).flatten(1))
        return h

    def meet(self, rows: Tensor) -> None:
        """Let each input's encoder meet the rows that have it; see `Encoder.meet`."""
        there, inputs = self.layout.split(rows)
        for k, (part, those) in enumerate(zip(self.parts, inputs, strict=True)):
            part.meet(those[there[:, k] > 0])  # type: ignore[operator]  # a ModuleList knows modules only

    def depth_groups(self) -> list[nn.Module]:
        """Return the inputs' encoders together, what stands for missing ones, and the map to the embedding."""
        return [self.parts, self.missing, self.out]


class Missing(nn.Module):
    """What stands for an input that is not there; learnt."""

    def __init__(self, parts: int, features: int) -> None:
        super().__init__()
        self.instead = nn.Parameter(torch.zeros(parts, features))

    def forward(self, h: Tensor, there: Tensor) -> Tensor:
        """Return (n, P, d) with the rows that are not (n, P) there replaced."""
        return torch.where(there[..., None], h, self.instead)
