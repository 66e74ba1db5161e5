"""Soup: the same strategy under several seeds, their weights averaged into one model of the usual size.

Wortsman et al. 2022, "Model soups": models that started from the same weights lie in one basin, and its middle is
better than its rim. `soup:finetune` is a soup of fine-tuned models. Adapters start from random weights of their own, so
they are not averaged but put side by side: the mean of bottlenecks is one wider bottleneck exactly.
"""

from __future__ import annotations

import torch

from lepton.models.adapters import Bottleneck
from lepton.models.model import Model
from lepton.transfer.catalogue import Several
from lepton.transfer.strategy import TargetData


class Soup(Several):
    """K models' mean weights. Costs K times the strategy that it is made of, and nothing afterwards."""

    name = "soup"

    def adapt(self, base: Model, target: TargetData, seed: int) -> Model:
        """Return the mean of adapted copies of `base`; see `Strategy.adapt`."""
        if not len(target):
            return base.replace()
        members = self.members(base, target, seed)
        old = len(base.adapters)
        added = zip(*(model.bottlenecks()[old:] for model in members), strict=True)
        kept = members[0].bottlenecks()[:old]
        together = members[0].replace(adapters=[*kept, *(mean_of(parts) for parts in added)])
        weights = together.state_dict()
        for name in weights:
            part = name.split(".")
            if not weights[name].is_floating_point() or (part[0] == "adapters" and int(part[1]) >= old):
                continue
            total = torch.stack([model.state_dict()[name].double() for model in members]).sum(dim=0)
            weights[name] = (total / len(members)).to(weights[name])  # exact for weights that all share
        together.load_state_dict(weights)
        return together


@torch.no_grad()
def mean_of(adapters: tuple[Bottleneck, ...]) -> Bottleneck:
    """Return the bottleneck that moves h by the mean of what `adapters` move it by."""
    wide = Bottleneck(adapters[0].features, sum(a.width for a in adapters))
    wide.down.weight.copy_(torch.cat([a.down.weight for a in adapters]))
    wide.down.bias.copy_(torch.cat([a.down.bias for a in adapters]))
    wide.up.weight.copy_(torch.cat([a.up.weight for a in adapters], dim=1) / len(adapters))
    wide.up.bias.copy_(torch.stack([a.up.bias for a in adapters]).mean(dim=0))
    return wide
