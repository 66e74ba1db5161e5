"""The objectives there are, and a chain of them that makes a base."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache

from lepton.core.discovery import discover
from lepton.core.errors import UsageError
from lepton.core.yamls import nearest
from lepton.pretraining.objective import Objective


@cache
def all_objectives() -> dict[str, type[Objective]]:
    """Return the known objectives by name."""
    return discover(sys.modules["lepton.pretraining"], Objective)  # type: ignore[type-abstract]  # only concrete ones are returned


def objectives_of(chain: Sequence[str]) -> list[Objective]:
    """Return the objectives of a chain.

    Raises:
        UsageError: If one is unknown, or the last one makes no head.
    """
    known = all_objectives()
    for name in chain:
        if name not in known:
            near = nearest(name, known)
            raise UsageError(
                f"There is no pretraining objective {name!r}.",
                why=f"Known: {', '.join(known)}." + (f" Did you mean {near!r}?" if near else ""),
                fix=["set pretrain.objective or pretrain.objectives in lepton.yaml"],
            )
    if not known[chain[-1]].head:
        heads = [name for name, objective in known.items() if objective.head]
        raise UsageError(
            f"A base cannot be made by {chain[-1]!r} alone: it learns no head, so there is nothing that answers.",
            why=f"The last objective of a chain learns from labels: {' or '.join(heads)}.",
            fix=[f"set pretrain.objectives to [{', '.join((*chain, 'supervised'))}] in lepton.yaml"],
        )
    return [known[name]() for name in chain]
