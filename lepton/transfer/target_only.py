"""Target alone: a logistic regression on the target's labelled rows, which owes the base nothing but its columns.

Where the source teaches the wrong thing, or the labels are many, the best that can serve is what never saw the source.
The control that the gate holds against every challenger (`control`) is the like of it, with trees beside, and serves
nobody; this one is a model that can be stored, exported and rebuilt bit for bit. Its penalty is chosen by
cross-validation within the rows that it is fitted to. A class without a labelled row cannot be learnt so, and then
nothing is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lepton.models.device import seeded
from lepton.models.encoders import build_encoder
from lepton.models.model import Model
from lepton.transfer.folds import least_loss
from lepton.transfer.prior import Prior
from lepton.transfer.probe import ProbeConfig, fit_head
from lepton.transfer.strategy import Needs, Strategy, TargetData


@dataclass(frozen=True)
class TargetOnlyConfig:
    """What is chosen among."""

    penalties: tuple[float, ...] = (100.0, 10.0, 1.0)
    """Weights of ||W||^2 / 2 against the sum of losses; the first of equals is taken."""
    folds: int = 3
    """Of the cross-validation that chooses."""


class TargetOnly(Strategy):
    """Logistic regression on the prepared columns. Costs a second."""

    name = "target-only"
    needs = Needs(labels=True, features="inputs", kinds=("tabular",))
    prior = Prior(shares=(0.0, 0.0, 0.0, 0.0), tables=(0.0, -0.9, -0.4, -0.15), taught=True)
    config: TargetOnlyConfig = TargetOnlyConfig()

    def adapt(self, base: Model, target: TargetData, seed: int) -> Model:
        """Return a model of the target's labels alone; the base where a class has none. See `Strategy.adapt`."""
        rows = self.rows(target)
        columns = base.inputs.layout.kind in self.needs.kinds
        if len(torch.unique(rows.labels)) < len(base.classes) or not columns:
            return base.replace()
        if rows.inputs is None:
            raise ValueError("this strategy needs the prepared rows: TargetData.of(..., inputs=True)")
        encoder = build_encoder(base.encoder.config.model_copy(update={"name": "plain"}), base.inputs.layout)
        with seeded(0):  # its first weights are not used
            head = nn.Linear(encoder.feature_dim, len(base.classes))
        for parameter in head.parameters():
            nn.init.zeros_(parameter)
        penalty = self._penalty(head, rows.inputs, rows.labels, seed)
        return base.replace(encoder=encoder, adapters=(), head=_fitted(head, rows.inputs, rows.labels, penalty))

    def _penalty(self, head: nn.Module, x: Tensor, y: Tensor, seed: int) -> float:
        """Return the penalty with the least loss on rows that it was not fitted to."""

        def loss(penalty: float, held_back: NDArray[np.bool_]) -> float:
            out = torch.from_numpy(held_back)
            fitted = _fitted(head, x[~out], y[~out], penalty)
            with torch.no_grad():
                return nn.functional.cross_entropy(fitted(x[out]), y[out], reduction="sum").item()

        return least_loss(self.config.penalties, y.numpy(), self.config.folds, seed, loss)

    def predict_seconds(self, labels: int, rows: int, kind: str) -> float:
        """Return about a second, and some milliseconds a label."""
        return 1.0 + 0.005 * labels


def _fitted(head: nn.Module, x: Tensor, y: Tensor, penalty: float) -> nn.Module:
    """Return the head of least loss on rows (n, columns) with labels (n,)."""
    return fit_head(head, x, y, ProbeConfig(pull=penalty))
