"""Adapting a base to a target, one file a strategy; a new file is a new strategy."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, get_type_hints

from lepton.core.discovery import discover, unknown
from lepton.transfer.several import Several, SeveralConfig
from lepton.transfer.strategy import Needs, NotEnoughLabels, Strategy, TargetData


@cache
def _found() -> dict[str, type[Strategy]]:
    return discover(sys.modules[__name__], Strategy)  # type: ignore[type-abstract]  # only concrete ones are returned


def all_strategies() -> list[Strategy]:
    """Return every known strategy with its default configuration, by name."""
    return [kind() for kind in _found().values()]


def get_strategy(name: str, config: Mapping[str, Any] | None = None) -> Strategy:
    """Return the strategy of that name.

    Args:
        name: Of the strategy; `ensemble:NAME` and `soup:NAME` are made on top of another one.
        config: As `config_json` of the strategy wrote it once; by default its default configuration.

    Raises:
        UsageError: If there is none; names the nearest.
        ValueError: If the configuration is not one of this strategy.
    """
    known = _found()
    kind, _, of = name.partition(":")
    several = known.get(kind)
    if of and several is not None and issubclass(several, Several):
        return several(SeveralConfig(of) if config is None else _filled(SeveralConfig, config))
    if name not in known:
        raise unknown("strategy", name, known, "set transfer.strategies in lepton.yaml")
    strategy = known[name]()
    if config is None or dict(config) == strategy.config_json():
        return strategy
    return known[name](_filled(type(strategy.config), config))


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


__all__ = ["Needs", "NotEnoughLabels", "Strategy", "TargetData", "all_strategies", "get_strategy"]
