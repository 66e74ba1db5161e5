"""Learning a base model on the source, one file an objective; a new file is a new objective."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache

from lepton.core.config import EncoderConfig, PretrainConfig
from lepton.core.discovery import discover
from lepton.core.errors import UsageError
from lepton.core.progress import Progress, silent
from lepton.core.table import Table
from lepton.core.yamls import nearest
from lepton.pretraining.objective import Objective, Pretrained


@cache
def all_objectives() -> dict[str, type[Objective]]:
    """Return the known objectives by name."""
    return discover(sys.modules[__name__], Objective)  # type: ignore[type-abstract]  # only concrete ones are returned


def pretrain(
    table: Table,
    classes: Sequence[str],
    encoder: EncoderConfig,
    config: PretrainConfig,
    seed: int = 0,
    threads: int = 2,
    progress: Progress = silent,
) -> Pretrained:
    """Return a base model of the source, trained by the configured objective.

    Args:
        table: All rows of the source; train, validation and test parts are told apart by their ids.
        classes: Names in the order of the model's outputs.
        encoder: The network.
        config: Objective, epochs, learning rate.
        seed: Same seed and threads, same weights, bit for bit on one platform.
        threads: CPU threads.
        progress: Called after every step.

    Raises:
        UsageError: If the objective is unknown.
        LeptonError: If a split has too few labelled rows, a label is none of `classes`, or the loss becomes NaN.
    """
    known = all_objectives()
    if config.objective not in known:
        near = nearest(config.objective, known)
        raise UsageError(
            f"There is no pretraining objective {config.objective!r}.",
            why=f"Known: {', '.join(known)}." + (f" Did you mean {near!r}?" if near else ""),
            fix=["set pretrain.objective in lepton.yaml"],
        )
    return known[config.objective]().pretrain(table, classes, encoder, config, seed, threads, progress)


__all__ = ["Objective", "Pretrained", "all_objectives", "pretrain"]
