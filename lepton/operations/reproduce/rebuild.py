"""One registered version made again, in a clean folder, from nothing but its record, its data and its parent."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from lepton.core.config.workspace import CONFIG_FILE, Workspace
from lepton.core.errors import LeptonError, NotFound, UsageError
from lepton.core.ledger.rows import Forgotten, Registered
from lepton.core.refs import DataRef, ModelRef
from lepton.core.splits import split
from lepton.core.table import Table
from lepton.core.work.files import atomic_write
from lepton.operations.plugins import require
from lepton.operations.pretrain.settings import BaseSettings
from lepton.operations.pretrain.training import continued, new_rows, pretrained, rows_of_base, rows_of_continued
from lepton.operations.session import Session
from lepton.operations.transfer.rows import pick_rows, rows_of_transfer
from lepton.registry.lineage.record import Lineage

if TYPE_CHECKING:
    from lepton.models.model import Model

NEEDED = {True: ("kind", "encoder", "pretrain", "threads", "classes"), False: ("strategy", "labels_per_class", "exact")}
"""Settings without which a base (True), or an adapted model, cannot be made again."""


@dataclass(frozen=True)
class Rebuilt:
    """What came of it."""

    folder: Path
    """The model, as `lepton.models.format` writes it."""
    rows: dict[str, list[str]]
    """Ids of the rows by use."""
    held_out: Table


def check_record(ref: ModelRef, made: Lineage) -> None:
    """Refuse a record that does not say all that is needed.

    Raises:
        LeptonError: Names what is missing; versions registered by an early lepton have such records.
    """
    lacking = [name for name in NEEDED[_is_base(made)] if name not in made.config]
    lacking += [name for name, value in (("threads", made.threads), ("rows", made.rows)) if not value]
    if lacking:
        again = "lepton pretrain" if _is_base(made) else f"lepton transfer {made.data['train'].domain}"
        raise LeptonError(
            f"{ref.label} cannot be rebuilt: its record does not say all that decides the weights.",
            why=f"Missing: {', '.join(dict.fromkeys(lacking))}. An earlier lepton registered it.",
            fix=[f"{again}  (makes a version that can be rebuilt)"],
        )


def rebuild(session: Session, ref: ModelRef, made: Lineage, parent: Model | None, folder: Path) -> Rebuilt:
    """Make a version again.

    Args:
        session: Where it is registered; nothing is written there, but data may be fetched into DVC's cache.
        ref: The version.
        made: Its record.
        parent: What it was adapted from; None for a base.
        folder: Becomes the clean workspace; must not exist.

    Raises:
        NotFound: If its data is gone.
        LeptonError: If the record asks for what this lepton does not have.
    """
    from lepton.data.store import load
    from lepton.models.format import save

    require(ref, made, "made again")
    clean = clean_workspace(session, ref, made, folder)
    data = made.data["train"]
    table = load(clean, data.domain, data.batches)
    others = {ref.domain: load(clean, ref.domain, ref.batches) for ref in _also(made)}
    try:
        if parent is None:
            model, rows, held_out = _base(session, table, made, others)
        elif _is_base(made):
            model, rows, held_out = _continued(session, clean, table, made, parent)
        else:
            model, rows, held_out = _adapted(session, table, made, parent)
    except (UsageError, ValueError) as error:  # an unknown strategy, encoder, objective or setting
        raise LeptonError(
            f"{ref.label} cannot be rebuilt by this lepton.",
            why=f"Its record, of lepton {made.code.get('version')}, asks for what this one does not have: {error}",
            fix=[f"use lepton {made.code.get('version')}, revision {made.code.get('revision') or 'unknown'}"],
        ) from None
    return Rebuilt(save(model, folder / "model"), rows, held_out)


def clean_workspace(session: Session, ref: ModelRef, made: Lineage, folder: Path) -> Workspace:
    """Return a new folder with the data of a version's state, fetched by digest, and a lepton.yaml from its record.

    Raises:
        NotFound: If the data is gone: erased, or lost.
        LeptonError: If the state that the record names does not hold the data that its digest names.
    """
    import yaml

    from lepton.core.work.files import digest
    from lepton.data.past import checkout, past_of

    for data in (made.data["train"], *_also(made)):
        try:
            was = past_of(session.ws, data)
            if digest(sorted([path, md5] for path, md5 in was.files.items())) != data.digest:
                raise NotFound(
                    f"The state {was.md5[:12]} of the data does not hold what {ref.label} was made of.",
                    why=f"Its record says that the files of {data.domain!r} have the digest {data.digest}.",
                    fix=["lepton audit verify"],
                )
            with TemporaryDirectory(dir=folder.parent) as beside:
                one = checkout(session.ws, was, Path(beside) / "one")
                (folder / "data").mkdir(parents=True, exist_ok=True)
                shutil.move(one / "data" / data.domain, folder / "data" / data.domain)
        except NotFound as error:
            raise _gone(session, ref, data, error) from None
    settings = {
        "name": f"rebuilt-{ref.name}-v{ref.version}",
        "source": ref.name.removeprefix("lepton-").partition("-to-")[0],
        "seed": made.seed,
        **{
            key: made.config[key]
            for key in ("kind", "threads", "encoder", "pretrain", "transfer")
            if key in made.config
        },
    }
    atomic_write(folder / CONFIG_FILE, yaml.safe_dump(settings, sort_keys=False))
    return Workspace(folder)


def _also(made: Lineage) -> list[DataRef]:
    """Return the data of the further domains that a base learnt from."""
    return [ref for use, ref in made.data.items() if use.startswith("domain:")]


def _base(
    session: Session, table: Table, made: Lineage, others: dict[str, Table]
) -> tuple[Model, dict[str, list[str]], Table]:
    settings = _settings(made)
    model = pretrained(table, settings, made.seed, others, progress=session.progress).model
    rows = rows_of_base(table, settings, others, made.data["train"].domain, model)
    return model, rows, split(table, "test").labelled()


def _settings(made: Lineage) -> BaseSettings:
    return BaseSettings.from_json({**made.config, "threads": made.threads})


def _is_base(made: Lineage) -> bool:
    """Return whether it is a base: trained anew, or gone on with."""
    return made.parent is None or "continued" in made.config


def _continued(
    session: Session, clean: Workspace, table: Table, made: Lineage, parent: Model
) -> tuple[Model, dict[str, list[str]], Table]:
    settings = _settings(made)
    new = new_rows(Session(clean), made.data["train"].domain, made.config["continued"]["batches"])
    model = continued(table, new, parent, settings, made.seed, progress=session.progress).model
    return model, rows_of_continued(table, new, settings, made.seed), split(table, "test").labelled()


def _adapted(session: Session, table: Table, made: Lineage, parent: Model) -> tuple[Model, dict[str, list[str]], Table]:
    from lepton.transfer.candidates import try_strategy

    config = made.config
    train, held_out = pick_rows(table, config["labels_per_class"], config["exact"], made.seed, parent.classes)
    session.progress(0, 1, made.strategy)
    # No cache of features: what is rebuilt owes nothing to what lies around.
    done = try_strategy(
        made.strategy,
        parent,
        train,
        held_out,
        seed=made.seed,
        threads=made.threads,
        config=config["strategy"],
        validate=config.get("validate", True),
    )
    session.progress(1, 1, made.strategy)
    return done.model, rows_of_transfer(train, held_out, made.strategy), held_out


def _gone(session: Session, ref: ModelRef, data: DataRef, error: NotFound) -> NotFound:
    """Return why the data of a version is not there: rows of it were erased since, or an object is lost."""
    ledger = session.ledger
    registered = ledger.rows(ref.name.removeprefix("lepton-"), Registered)
    since = next((entry.seq for entry in registered if entry.row.model.version == ref.version), 0)
    erased = [entry for entry in ledger.rows(None, Forgotten, after=since) if entry.row.domain == data.domain]
    if not erased:
        return NotFound(
            f"{ref.label} cannot be rebuilt: the data it was made of is not all there.",
            why=f"{error.what}\n{error.why}".strip(),
            fix=["dvc pull  (in the workspace, if the remote has it)", *error.fix],
        )
    told = [
        f"{entry.time[:16].replace('T', ' ')} UTC, {entry.actor}: {entry.row.rows} rows of {data.domain}, from"
        f" {', '.join(entry.row.batches) or 'its labels'} (ledger row {entry.seq})"
        for entry in erased
    ]
    return NotFound(
        f"{ref.label} cannot be rebuilt: rows that it was made of were erased since.",
        why="\n".join(told),
        fix=[f"lepton transfer {data.domain}  (makes a version without them)"],
    )
