"""Going on with a base on new rows of its source, without forgetting the old ones: rehearsal.

Old rows are replayed beside the new ones (Robins 1995; Rolnick et al. 2019, "Experience Replay for Continual
Learning"), at a low learning rate and from the base's own weights, so that it costs a part of training anew. Inputs,
encoder and classes stay what they are.
"""

from __future__ import annotations

import time
from collections.abc import Set
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lepton.core.config.pretrain import PretrainConfig
from lepton.core.errors import LeptonError, UsageError
from lepton.core.splits import split_of, unit
from lepton.core.table import Table
from lepton.core.work import Progress, silent
from lepton.models.device import pick_device, placed, repeatable
from lepton.models.model import Model
from lepton.pretraining.chain import completed, suited
from lepton.pretraining.checkpoint import Keeper
from lepton.pretraining.engine import fit
from lepton.pretraining.material import FEWEST, Material
from lepton.pretraining.objective import Pretrained, Stage
from lepton.pretraining.supervised import Supervised


def go_on(
    base: Model,
    table: Table,
    new: Set[str],
    config: PretrainConfig,
    seed: int = 0,
    threads: int = 2,
    progress: Progress = silent,
    folder: Path | None = None,
) -> Pretrained:
    """Return a copy of `base` that has learnt the new rows, too.

    Args:
        base: Left untouched.
        table: All rows of the source, old and new.
        new: Ids of the new ones.
        config: Its `continuation`; the other fields as for the stage `supervised`.
        seed: Of what is replayed, of order and augmentation.
        threads: CPU threads.
        progress: Called after every step.
        folder: Where a checkpoint is kept; None keeps none.

    Raises:
        UsageError: If the base does not learn by gradient.
        LeptonError: If too few of the new rows are labelled, the loss becomes NaN, or a checkpoint cannot be gone on
            from.
    """
    fresh = int((np.array([row_id in new for row_id in table.ids], dtype=bool) & _learnable(table)).sum())
    if fresh < FEWEST:
        raise LeptonError(
            "The new rows of the source are too few to go on with.",
            why=f"{fresh} of them are labelled and in the training split; it takes {FEWEST}.",
            fix=["lepton ingest SOURCE FILE  (more labelled rows)"],
        )
    if not base.encoder.by_gradient:
        raise UsageError(
            f"A base with the encoder {base.encoder.name!r} cannot be gone on with.",
            why="It does not learn by gradient: it is fitted to all of its rows at once.",
            fix=["lepton pretrain  (trains a new base, on old and new rows)"],
        )
    started = time.perf_counter()
    how = config.continuation
    short = {"epochs": how.epochs, "lr": how.lr, "fewest_steps": 0}
    plan = suited(config.stage("supervised").model_copy(update=short), base.encoder)
    with repeatable(threads):
        model = base.replace()
        chosen = chosen_rows(table, new, how.replay, seed)
        material = Material(chosen, {}, model.inputs, model.classes, config.stream_above, folder)
        path = folder / "stage-1-continued.safetensors" if folder else None
        with placed(pick_device()):
            learner = Supervised().learner(model, material, config, plan, seed)
            done = fit(learner, plan, seed, Keeper(path, config.checkpoint_seconds), progress)
        stage = Stage("continued", done.curves, done.best, time.perf_counter() - started)
        return completed(model, material, (stage,), started)


def chosen_rows(table: Table, new: Set[str], replay: float, seed: int) -> Table:
    """Return all rows but the old training rows that are not replayed.

    Which are is decided by hash of seed and id: about `replay` labelled old rows for each new one.

    Args:
        table: All rows.
        new: Ids of the new ones.
        replay: Old rows a new one.
        seed: Another seed, another choice.
    """
    training = _learnable(table)
    is_new = np.array([row_id in new for row_id in table.ids], dtype=bool)
    old = np.flatnonzero(training & ~is_new)
    wanted = round(replay * int((training & is_new).sum()))
    places = np.array([unit(f"{seed}:{row_id}") for row_id in table.ids[old]], dtype=np.float64)
    left_out = old[np.argsort(places, kind="stable")][wanted:]
    kept = np.ones(len(table), dtype=bool)
    kept[left_out] = False
    return table.take(kept)


def _learnable(table: Table) -> NDArray[np.bool_]:
    """Return (n,) true for labelled rows of the training split."""
    return np.asarray((split_of(table.ids) == "train") & table.known(), dtype=bool)
