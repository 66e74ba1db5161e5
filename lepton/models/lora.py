"""Low-rank updates of layers: W x + (alpha / r) B A x, merged into W when the training is over.

Hu et al. 2022, "LoRA"; for a convolution, A is a k x k convolution to r channels and B a 1 x 1 convolution back, as in
the authors' loralib. B starts at zero, so that nothing changes before the first step.
"""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn

from lepton.models.device import seeded


class LowRank(nn.Module):
    """A frozen layer with a trainable update of rank r beside it.

    Args:
        layer: Linear, or a convolution without groups; frozen here.
        rank: r.
        alpha: The update is scaled by alpha / r.
    """

    def __init__(self, layer: nn.Linear | nn.Conv2d, rank: int, alpha: float) -> None:
        super().__init__()
        self.layer = layer.requires_grad_(False)
        self.scale = alpha / rank
        self.down: nn.Linear | nn.Conv2d
        self.up: nn.Linear | nn.Conv2d
        if isinstance(layer, nn.Conv2d):
            self.down = deepcopy(layer)  # stride, padding and dilation are the layer's
            self.down.out_channels, self.down.bias = rank, None
            self.down.weight = nn.Parameter(layer.weight.new_empty(rank, *layer.weight.shape[1:]))
            self.down.reset_parameters()
            self.up = nn.Conv2d(rank, layer.out_channels, 1, bias=False)
        else:
            self.down = nn.Linear(layer.in_features, rank, bias=False)
            self.up = nn.Linear(rank, layer.out_features, bias=False)
        nn.init.zeros_(self.up.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Return what the layer answers, plus the update."""
        answer: Tensor = self.layer(x) + self.scale * self.up(self.down(x))
        return answer

    @torch.no_grad()
    def merged(self) -> nn.Module:
        """Return a layer of the original kind that answers as this one does."""
        layer = deepcopy(self.layer)
        up, down = self.up.weight.flatten(1).double(), self.down.weight.flatten(1).double()
        layer.weight += (self.scale * (up @ down)).reshape(layer.weight.shape).to(layer.weight)
        return layer.requires_grad_(True)


def inject(module: nn.Module, rank: int, alpha: float, seed: int) -> list[nn.Parameter]:
    """Put a low-rank update beside every linear layer and plain convolution of `module`, in place.

    Returns:
        The parameters of the updates.
    """
    added: list[nn.Parameter] = []
    with seeded(seed):
        for parent, name, layer in _layers(module):
            wrapped = LowRank(layer, rank, alpha)
            setattr(parent, name, wrapped)
            added += [*wrapped.down.parameters(), *wrapped.up.parameters()]
    return added


def merge(module: nn.Module) -> None:
    """Replace every low-rank update of `module` by a layer of the original kind, in place."""
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, LowRank):
                setattr(parent, name, child.merged())


def _layers(module: nn.Module) -> list[tuple[nn.Module, str, nn.Linear | nn.Conv2d]]:
    """Return each layer that can have an update, with its place."""
    return [
        (parent, name, child)
        for parent in module.modules()
        for name, child in parent.named_children()
        if isinstance(child, nn.Linear) or (isinstance(child, nn.Conv2d) and child.groups == 1)
    ]
