"""What a base is made of, and the training itself: the same for a flow and for making a version again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lepton.core.errors import NothingToLearn, UsageError
from lepton.core.refs import DataRef
from lepton.core.table import Table
from lepton.core.work import Progress, silent
from lepton.operations.pretrain.settings import BaseSettings
from lepton.operations.regime import recalled_batches
from lepton.operations.session import Session

if TYPE_CHECKING:
    from lepton.models.model import Model
    from lepton.pretraining import Pretrained


def further_domains(session: Session) -> dict[str, DataRef]:
    """Return the rows of the further domains that `pretrain.domains` names, without what was recalled.

    Raises:
        NothingToLearn: If one of them has none.
        UsageError: If it is the source itself.
    """
    from lepton.data.store import batches
    from lepton.data.versions import data_ref

    found = {}
    for name in session.ws.config.pretrain.domains:
        if name == session.ws.source:
            raise UsageError(
                f"pretrain.domains names the source, {name!r}.",
                why="Its rows are learnt from anyway; the list is for further domains.",
                fix=["take it out of pretrain.domains in lepton.yaml"],
            )
        session.ws.check_known(name)
        poisoned = recalled_batches(session, name)
        chosen = [batch for batch in batches(session.ws, name) if batch not in poisoned]
        if not chosen:
            raise NothingToLearn(
                f"The domain {name!r} of pretrain.domains has no data.",
                why="; ".join(f"{batch} is recalled: {why}" for batch, why in poisoned.items()),
                fix=[f"lepton ingest {name} FILE", "take it out of pretrain.domains in lepton.yaml"],
            )
        found[name] = data_ref(session.ws, name, chosen)
    return found


def pretrained(
    table: Table,
    settings: BaseSettings,
    seed: int,
    others: Mapping[str, Table] | None = None,
    folder: Path | None = None,
    progress: Progress = silent,
) -> Pretrained:
    """Return the base model that these settings make of these rows; nothing else decides what it is.

    Args:
        table: All rows of the source.
        settings: All that decides, beside rows and seed.
        seed: Of everything random.
        others: All rows of the further domains, by name.
        folder: Where checkpoints are kept and taken up; they do not change what comes out.
        progress: Told of every step.
    """
    from lepton.operations.pretrain.processes import train_together
    from lepton.pretraining import pretrain as fit

    if settings.pretrain.processes > 1:
        return train_together(table, settings, seed, others or {}, folder, progress)
    return fit(
        table,
        classes=settings.classes,
        encoder=settings.encoder,
        config=settings.pretrain,
        seed=seed,
        threads=settings.threads,
        progress=progress,
        others=others,
        folder=folder,
    )


def rows_of_base(
    table: Table, settings: BaseSettings, others: Mapping[str, Table], source: str, model: Model
) -> dict[str, list[str]]:
    """Return the ids of the rows that a base learns from, that choose its best epoch, and that measure it.

    What its objectives see beside the source's labelled rows stands there as `pool:DOMAIN` and `task:DOMAIN`.

    Args:
        table: All rows of the source.
        settings: With the objectives.
        others: All rows of the further domains, by name.
        source: Name of the source.
        model: The base.
    """
    from lepton.pretraining.catalogue import objectives_of
    from lepton.pretraining.material import seen_rows, used_rows

    chain = objectives_of(settings.pretrain.chain)
    unlabelled, tasks = any(one.unlabelled for one in chain), any(one.tasks for one in chain)
    return used_rows(table, model.encoder.by_gradient) | seen_rows({source: table, **others}, unlabelled, tasks)


def continued(
    table: Table,
    new: Sequence[str],
    base: Model,
    settings: BaseSettings,
    seed: int,
    folder: Path | None = None,
    progress: Progress = silent,
) -> Pretrained:
    """Return `base` after going on with new rows and a share of the old ones.

    Args:
        table: All rows of the source.
        new: Ids of those that `base` has not seen.
        base: Left untouched.
        settings: All that decides, beside rows and seed.
        seed: Of everything random.
        folder: Where checkpoints are kept and taken up.
        progress: Told of every step.
    """
    from lepton.pretraining.continuation import go_on

    return go_on(base, table, set(new), settings.pretrain, seed, settings.threads, progress, folder)


def rows_of_continued(table: Table, new: Sequence[str], settings: BaseSettings, seed: int) -> dict[str, list[str]]:
    """Return the ids of the rows that going on with a base learns from (new and replayed), chooses and measures by."""
    from lepton.pretraining.continuation import chosen_rows
    from lepton.pretraining.material import used_rows

    return used_rows(chosen_rows(table, set(new), settings.pretrain.continuation.replay, seed))


def new_rows(session: Session, domain: str, batches: Sequence[str]) -> list[str]:
    """Return the ids of the rows of these batches."""
    from lepton.data.store import batch_of

    wanted = set(batches)
    return [row_id for row_id, batch in batch_of(session.ws, domain).items() if batch in wanted]
