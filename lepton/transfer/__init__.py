"""Adapting a base to a target, one file a strategy; a new file is a new strategy."""

from __future__ import annotations

import sys
from functools import cache

from lepton.core.discovery import discover
from lepton.core.errors import UsageError
from lepton.core.yamls import nearest
from lepton.transfer.strategy import Needs, NotEnoughLabels, Strategy, TargetData


@cache
def _found() -> dict[str, type[Strategy]]:
    return discover(sys.modules[__name__], Strategy)  # type: ignore[type-abstract]  # only concrete ones are returned


def all_strategies() -> list[Strategy]:
    """Return every known strategy with its default configuration, by name."""
    return [kind() for kind in _found().values()]


def get_strategy(name: str) -> Strategy:
    """Return the strategy of that name with its default configuration.

    Raises:
        UsageError: If there is none; names the nearest.
    """
    known = _found()
    if name not in known:
        near = nearest(name, known)
        raise UsageError(
            f"There is no strategy {name!r}.",
            why=f"Known: {', '.join(known)}." + (f" Did you mean {near!r}?" if near else ""),
            fix=["set transfer.strategies in lepton.yaml"],
        )
    return known[name]()


__all__ = ["Needs", "NotEnoughLabels", "Strategy", "TargetData", "all_strategies", "get_strategy"]
