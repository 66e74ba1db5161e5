"""What ensemble and soup share: one strategy, fitted under several seeds."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from torch import nn

from lepton.models.model import Model
from lepton.transfer.strategy import Strategy, TargetData

SEEDS_APART = 1000


@dataclass(frozen=True)
class SeveralConfig:
    """Which strategy, how often."""

    of: str = "residual"
    """Name of the strategy that the members are fitted with."""
    members: int = 3
    inner: dict[str, Any] | None = field(default=None)
    """Settings of that strategy; by default its own."""


class Several(Strategy):
    """A strategy on top of another. Needs, BatchNorm statistics and folds are those of the one beneath.

    Args:
        config: Which strategy and how many members.
    """

    config: SeveralConfig

    def __init__(self, config: SeveralConfig | None = None) -> None:
        from lepton.transfer import get_strategy  # the package lists this very module

        given = config or SeveralConfig()
        self.inner = get_strategy(given.of, given.inner)
        self.config = replace(given, inner=self.inner.config_json())
        self.name = f"{type(self).name}:{given.of}"
        self.needs, self.batchnorm = self.inner.needs, self.inner.batchnorm
        self.folds, self.expensive = self.inner.folds, self.inner.expensive

    def members(self, base: Model, target: TargetData, seed: int) -> list[Model]:
        """Return the fitted members; the first is what the strategy beneath gives with the same seed."""
        if self.needs.labels:
            self.rows(target)  # refuses by its own name
        return [self.inner.adapt(base, target, seed + SEEDS_APART * k) for k in range(self.config.members)]

    def shortened(self, share: float) -> Strategy:
        """Return the same over a shortened strategy."""
        return type(self)(replace(self.config, inner=self.inner.shortened(share).config_json()))

    def predict_seconds(self, labels: int, rows: int, kind: str) -> float:
        """Return the cost of the strategy beneath, once for each member."""
        return self.config.members * self.inner.predict_seconds(labels, rows, kind)


def heads_of(models: list[Model]) -> list[nn.Linear]:
    """Return the models' linear heads."""
    return [model.head for model in models if isinstance(model.head, nn.Linear)]
