"""Adapting a base to a target, one file a strategy; a new file is a new strategy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, get_type_hints

from lepton.core.plugins import Catalogue
from lepton.transfer.prior import Prior
from lepton.transfer.several import Several, SeveralConfig
from lepton.transfer.strategy import Needs, NotEnoughLabels, Strategy, TargetData

CATALOGUE = Catalogue(
    "strategy",
    __name__,
    Strategy,  # type: ignore[type-abstract]  # it holds concrete ones
    "lepton.strategies",
    "set transfer.strategies in lepton.yaml",
)


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


__all__ = [
    "CATALOGUE",
    "Needs",
    "NotEnoughLabels",
    "Prior",
    "Strategy",
    "TargetData",
    "all_strategies",
    "default_strategies",
    "get_strategy",
    "prior_of",
]
