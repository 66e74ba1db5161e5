"""All strategies by name, and those that stand on top of another one: fitted several times, under several seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, get_type_hints

from torch import nn

from lepton.core.plugins import Catalogue
from lepton.models.model import Model
from lepton.transfer.prior import Prior
from lepton.transfer.strategy import Strategy, TargetData

CATALOGUE = Catalogue(
    "strategy",
    "lepton.transfer",
    Strategy,  # type: ignore[type-abstract]  # it holds concrete ones
    "lepton.strategies",
    "set transfer.strategies in lepton.yaml",
)
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


def all_strategies() -> list[Strategy]:
    """Return every known strategy with its default configuration, by name; those from outside come last."""
    return [kind() for kind in CATALOGUE.known().values()]


def default_strategies() -> tuple[str, ...]:
    """Return the names of all that stand for themselves: those on top of another one are tried by the planner."""
    return tuple(name for name, kind in CATALOGUE.known().items() if not issubclass(kind, Several))


def prior_of(name: str) -> Prior:
    """Return the prior of a strategy; of one on top of another, or that is not installed now, nothing is known."""
    kind = CATALOGUE.known().get(name)
    return Prior() if kind is None else kind.prior


def get_strategy(name: str, config: Mapping[str, Any] | None = None) -> Strategy:
    """Return the strategy of that name.

    Args:
        name: Of the strategy; `ensemble:NAME` and `soup:NAME` are made on top of another one.
        config: As `config_json` of the strategy wrote it once; by default its default configuration.

    Raises:
        UsageError: If there is none; names the nearest.
        ValueError: If the configuration is not one of this strategy.
    """
    known = CATALOGUE.known()
    kind, _, of = name.partition(":")
    several = known.get(kind)
    if of and several is not None and issubclass(several, Several):
        return several(SeveralConfig(of) if config is None else _filled(SeveralConfig, config))
    found = CATALOGUE.get(name)
    strategy = found()
    if config is None or dict(config) == strategy.config_json():
        return strategy
    return found(_filled(type(strategy.config), config))


def _filled(kind: type[Any], values: Mapping[str, Any]) -> Any:
    """Return a configuration with these values, parts of it included.

    Raises:
        ValueError: If there are other fields than the configuration has.
    """
    if odd := set(values) ^ {field.name for field in fields(kind)}:
        raise ValueError(f"{kind.__name__} differs in {', '.join(sorted(odd))}")
    hints = get_type_hints(kind)
    parts = {name: _filled(hints[name], v) if is_dataclass(hints[name]) else v for name, v in values.items()}
    return kind(**parts)


def heads_of(models: list[Model]) -> list[nn.Linear]:
    """Return the models' linear heads."""
    return [model.head for model in models if isinstance(model.head, nn.Linear)]
