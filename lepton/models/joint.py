"""Several models as one: embeddings side by side, answers averaged.

The mean of the members' probabilities (Lakshminarayanan et al. 2017) as an encoder and a head like any other, so that
an ensemble is stored, exported, watched and adapted further as a single model is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lepton.models.adapters import Bottleneck
from lepton.models.encoders import Encoder

NAME = "joint"
"""What `model.json` calls it in place of an encoder's name; `lepton.yaml` cannot ask for it."""


class Member(nn.Module):
    """One member's way from a row to its embedding.

    Args:
        encoder: E.
        adapters: T_i in the order of application.
    """

    def __init__(self, encoder: Encoder, adapters: Sequence[Bottleneck]) -> None:
        super().__init__()
        self.encoder = encoder
        self.adapters = nn.ModuleList(adapters)

    def forward(self, x: Tensor) -> Tensor:
        """Return the adapted embedding (n, d)."""
        h: Tensor = self.encoder(x)
        for adapter in self.adapters:
            h = h + adapter(h)
        return h


class Joint(Encoder):
    """(n, ...) -> (n, d_1 + ... + d_K).

    Args:
        members: In the order of the head's parts; all read rows of one shape.
    """

    def __init__(self, members: Sequence[Member]) -> None:
        first = members[0].encoder
        super().__init__(first.config, first.layout)
        self.members = nn.ModuleList(members)
        self.by_gradient = all(member.encoder.by_gradient for member in members)
        self.feature_dim = sum(member.encoder.feature_dim for member in members)

    def parts(self) -> list[Member]:
        """Return the members."""
        return [member for member in self.members if isinstance(member, Member)]

    def forward(self, x: Tensor) -> Tensor:
        """Return the members' embeddings side by side."""
        return torch.cat([member(x) for member in self.members], dim=1)

    def depth_groups(self) -> list[nn.Module]:
        """Return the members' groups from the input on, those of one depth together; adapters go with the last."""
        groups = [member.encoder.depth_groups() for member in self.parts()]
        depths = [nn.ModuleList(parts) for parts in zip(*groups, strict=True)]
        depths[-1].extend(member.adapters for member in self.parts())
        return list(depths)


class MixtureHead(nn.Module):
    """Logarithm of the mean of the members' probabilities: its softmax is that mean exactly.

    Args:
        heads: Each from its part of the joint embedding to the classes.
        temperatures: Each member's own.
    """

    def __init__(self, heads: Sequence[nn.Linear], temperatures: Sequence[float]) -> None:
        super().__init__()
        self.heads = nn.ModuleList(heads)
        self.sizes = [head.in_features for head in heads]
        self.temperatures = [float(t) for t in temperatures]

    def forward(self, h: Tensor) -> Tensor:
        """Return log-probabilities (n, k) for joint embeddings (n, d)."""
        answers = self.answers(h)
        return torch.logsumexp(answers, dim=0) - math.log(len(answers))

    def answers(self, h: Tensor) -> Tensor:
        """Return each member's log-probabilities (K, n, k) for joint embeddings (n, d)."""
        parts = torch.split(h, self.sizes, dim=1)
        return torch.stack(
            [
                torch.log_softmax(head(part) / t, dim=1)
                for head, part, t in zip(self.heads, parts, self.temperatures, strict=True)
            ]
        )
