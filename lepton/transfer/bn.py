"""BatchNorm re-estimation: the target's statistics in place of the source's, blended by how many rows speak for them.

Li et al. 2016 (AdaBN) replace them, Schneider et al. 2020 blend them: with N pseudo-rows for the source and n rows of
the target, the source keeps N / (N + n). Both kinds of layer are done, for maps and for vectors, one after the other
from the input to the embedding, so that each sees what the layers before it send from then on. If the answers collapse
into fewer classes than expected, the base is returned as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from lepton.core.kinds import kind_of
from lepton.models.model import Model
from lepton.transfer.label_shift import plausible_prior
from lepton.transfer.prior import Prior
from lepton.transfer.strategy import Needs, Strategy, TargetData


@dataclass(frozen=True)
class BnConfig:
    """How much the source's statistics count."""

    source_rows: float = 64.0
    """Pseudo-rows for the source's statistics (the paper: 16 to 256, by the size of the batch)."""
    collapse: float = 0.5
    """Share of the expected diversity of answers (effective number of classes) below which the base is kept."""


class BatchNormStatistics(Strategy):
    """One pass over the rows, no label needed, no gradient."""

    name = "bn"
    needs = Needs(labels=False, features="inputs", gradient=True)
    prior = Prior(shares=(0.4, 0.3, 0.2, 0.2), tables=(0.05, 0.05, 0.0, 0.0), tables_spread=0.2)
    batchnorm = "target"
    config: BnConfig = BnConfig()

    def adapt(self, base: Model, target: TargetData, seed: int) -> Model:
        """Return a copy of `base` whose BatchNorm layers carry blended statistics; see `Strategy.adapt`."""
        if len(target) < 2:  # one row has no variance
            return base.replace()
        if target.inputs is None:
            raise ValueError("re-estimation needs the prepared rows: TargetData.of(..., inputs=True)")
        model = base.replace()
        share = len(target) / (len(target) + self.config.source_rows)
        for layer in (m for m in model.modules() if isinstance(m, _BatchNorm)):
            _blend(model, layer, target.inputs, share)
        logits = model.logits_of(model.features(target.inputs))
        return base.replace() if collapsed(base, target, logits, self.config.collapse) else model

    def predict_seconds(self, labels: int, rows: int, kind: str) -> float:
        """Return the cost of a pass for each layer, six times with its cross-validation."""
        runs = 1 if labels < 2 else 1 + self.folds
        return 0.1 + runs * rows * (2e-5 if kind_of(kind).light else 6e-4)


@torch.no_grad()
def _blend(model: Model, layer: nn.Module, inputs: Tensor, share: float) -> None:
    """Give one layer `share` of what it sees of the rows, the rest of what it had.

    Sums over parts of the rows, in double precision: however many rows there are, they need not fit at once.
    """
    total, squares, count = torch.zeros((), dtype=torch.float64), torch.zeros((), dtype=torch.float64), 0

    def look(_: nn.Module, given: tuple[Tensor, ...]) -> None:
        nonlocal total, squares, count
        x = given[0].detach().double().transpose(0, 1).flatten(1)  # (channels, values)
        total, squares, count = total + x.sum(dim=1), squares + x.square().sum(dim=1), count + x.shape[1]

    hook = layer.register_forward_pre_hook(look)
    try:
        model.features(inputs)
    finally:
        hook.remove()
    mean = total / count
    variance = (squares / count - mean.square()).clamp_min(0.0)
    for name, fresh in (("running_mean", mean), ("running_var", variance)):
        old = getattr(layer, name)
        old.copy_((1 - share) * old.double() + share * fresh)


def collapsed(base: Model, target: TargetData, logits: Tensor, least: float) -> bool:
    """Return whether answers to a target's rows fall into fewer classes than are expected there.

    Args:
        base: Tells what is expected.
        target: The n rows.
        logits: (n, k) of an adapted model.
        least: Share of the expected diversity (effective number of classes) that is enough.
    """
    expected = _effective(plausible_prior(base, target.features))
    return _effective(torch.softmax(logits.double(), dim=1).mean(dim=0)) < least * expected


def _effective(shares: Tensor) -> float:
    """Return exp(entropy) of (k,) shares: how many classes they are as good as."""
    p = shares.double().clamp_min(1e-12)
    return float(torch.exp(-(p * p.log()).sum()))
