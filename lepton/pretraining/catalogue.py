"""The objectives there are, and those of a chain."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache

from lepton.core.discovery import discover, unknown
from lepton.pretraining.objective import Objective


@cache
def all_objectives() -> dict[str, type[Objective]]:
    """Return the known objectives by name."""
    return discover(sys.modules["lepton.pretraining"], Objective)  # type: ignore[type-abstract]  # only concrete ones are returned


def objectives_of(chain: Sequence[str]) -> list[Objective]:
    """Return the objectives of a chain.

    Raises:
        UsageError: If one is unknown.
    """
    known = all_objectives()
    for name in chain:
        if name not in known:
            raise unknown(
                "pretraining objective", name, known, "set pretrain.objective or pretrain.objectives in lepton.yaml"
            )
    return [known[name]() for name in chain]
