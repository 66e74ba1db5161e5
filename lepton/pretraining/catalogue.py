"""The objectives there are, and those of a chain."""

from __future__ import annotations

from collections.abc import Sequence

from lepton.core.plugins import Catalogue
from lepton.pretraining.objective import Objective

CATALOGUE = Catalogue(
    "pretraining objective",
    "lepton.pretraining",
    Objective,  # type: ignore[type-abstract]  # it holds concrete ones
    "lepton.objectives",
    "set pretrain.objective or pretrain.objectives in lepton.yaml",
)


def all_objectives() -> dict[str, type[Objective]]:
    """Return the known objectives by name; those from outside come last."""
    return CATALOGUE.known()


def objectives_of(chain: Sequence[str]) -> list[Objective]:
    """Return the objectives of a chain.

    Raises:
        UsageError: If one is unknown.
    """
    return [CATALOGUE.get(name)() for name in chain]
