"""No adaptation: the base as it is. The candidate that every other one must beat."""

from __future__ import annotations

from dataclasses import dataclass

from lepton.models.model import Model
from lepton.transfer.prior import Prior
from lepton.transfer.strategy import Needs, Strategy, TargetData


@dataclass(frozen=True)
class NoneConfig:
    """Nothing to set."""


class NoAdaptation(Strategy):
    """Return a copy of the base."""

    name = "none"
    needs = Needs(labels=False, features="none")
    prior = Prior(shares=(0.0, 0.0, 0.0, 0.0), tables=(0.0, 0.0, 0.0, 0.0))
    config = NoneConfig()

    def adapt(self, base: Model, target: TargetData, seed: int) -> Model:
        """Return a copy of `base`; `target` and `seed` are not looked at."""
        return base.replace()

    def predict_seconds(self, labels: int, rows: int, kind: str) -> float:
        """Return the cost of reading the held-out rows."""
        return 0.1
