"""Recalibration: the same features, the same head; only its bias and temperature answer for the target.

If classes look the same but come in other shares, the right answer is the old one times the ratio of the shares
(Saerens et al. 2002): with a linear head, a constant added to the bias. Labelled rows, where there are any, then fit
the temperature (Guo et al. 2017).
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import nn

from lepton.models.calibration import fit_temperature
from lepton.models.joint import MixtureHead
from lepton.models.model import Model
from lepton.transfer.label_shift import plausible_prior, source_prior
from lepton.transfer.prior import Prior
from lepton.transfer.strategy import Needs, Strategy, TargetData


@dataclass(frozen=True)
class RecalibrateConfig:
    """How far the shares may move."""

    most: float = 3.0
    """Largest change of a class's log-odds."""


class Recalibrate(Strategy):
    """Bias and temperature on cached features. Costs milliseconds."""

    name = "recalibrate"
    needs = Needs(labels=False, features="frozen")
    prior = Prior(shares=(0.0, 0.0, 0.0, 0.0), tables=(0.0, 0.0, 0.0, 0.0), spread=0.03, tables_spread=0.03)
    config: RecalibrateConfig = RecalibrateConfig()

    def adapt(self, base: Model, target: TargetData, seed: int) -> Model:
        """Return a copy of `base` with another bias and temperature; see `Strategy.adapt`."""
        if not len(target):
            return base.replace()
        ratio = (plausible_prior(base, target.features).log() - source_prior(base).log()).clamp(
            -self.config.most, self.config.most
        )
        model = base.replace(head=_shifted(base.head, ratio * base.temperature))
        model.temperature = fit_temperature(model.logits_of(target.features), target.labels, start=base.temperature)
        return model

    def predict_seconds(self, labels: int, rows: int, kind: str) -> float:
        """Return about a tenth of a second."""
        return 0.1 + 1e-5 * rows


@torch.no_grad()
def _shifted(head: nn.Module, by: torch.Tensor) -> nn.Module:
    """Return a copy of a head whose logits are higher by (k,) `by`; of an ensemble's, each member's."""
    moved = deepcopy(head)
    parts = zip(moved.heads, moved.temperatures, strict=True) if isinstance(moved, MixtureHead) else [(moved, 1.0)]
    for part, temperature in parts:
        assert isinstance(part, nn.Linear)
        part.bias.add_(by * temperature)
    return moved
