"""Reproduce: a registered version is made again from the registry alone, and compared bit for bit."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lepton.core.errors import LeptonError, UsageError
from lepton.core.refs import ModelRef
from lepton.operations.registration import row_counts
from lepton.operations.reproduce.rebuild import check_record, rebuild
from lepton.operations.reproduce.result import Reproduced, ReproduceResult
from lepton.operations.session import Session
from lepton.registry.lineage.differences import Difference, differences
from lepton.registry.lineage.environment import environment
from lepton.registry.lineage.find import find_model
from lepton.registry.lineage.record import Lineage, forebears

if TYPE_CHECKING:
    from lepton.models.model import Model


def reproduce(session: Session, words: str, deep: bool = False, keep: Path | None = None) -> ReproduceResult:
    """Make a version again in a clean folder and compare it with the registered one; changes nothing.

    Args:
        session: The workspace at work.
        words: DOMAIN[@alias|version], a pair or a model's name.
        deep: Make what it descends from again, too, from the source on, each from the rebuilt one before.
        keep: Where to leave what was made; by default it is removed.

    Raises:
        NotFound: If there is no such model, or its data is gone.
        LeptonError: If its record does not say enough, or its registered files are damaged.
    """
    ref = find_model(session.ws, session.ledger, words)
    made = record_of(session, ref)
    line = [ref, *forebears(session.ledger, made)]
    now = environment()
    told: list[Reproduced] = []
    fresh: Model | None = None
    with room(keep) as folder:
        for one in reversed(line) if deep else line[:1]:
            found, fresh = _again(session, one, folder, fresh, now)
            told.append(found)
    return ReproduceResult(ref, deep, tuple(told), keep.resolve() if keep else None)


def record_of(session: Session, ref: ModelRef) -> Lineage:
    """Return the record of a version.

    Raises:
        LeptonError: If a newer lepton wrote it.
    """
    try:
        return session.lineage(ref)
    except ValueError as error:
        raise LeptonError(
            f"The record of {ref.label} cannot be read by this lepton.", why=str(error), fix=["upgrade lepton"]
        ) from None


@contextmanager
def room(keep: Path | None) -> Iterator[Path]:
    """Yield an empty folder outside the workspace; removed at the end, unless it is to be kept.

    Raises:
        UsageError: If the folder to keep holds something.
    """
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="lepton-reproduce-") as temporary:
            yield Path(temporary)
        return
    if keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
        raise UsageError(f"{keep} is there already and holds something.", fix=["name another folder: --keep"])
    keep.mkdir(parents=True, exist_ok=True)
    yield keep


def _again(
    session: Session, ref: ModelRef, folder: Path, fresh: Model | None, now: Mapping[str, Any]
) -> tuple[Reproduced, Model]:
    """Make one version again and compare it; return what came of it, and the model.

    Args:
        session: The workspace at work.
        ref: The version.
        folder: Gets a clean workspace for it.
        fresh: Its parent made again just before; by default the registered one is taken.
        now: The environment.
    """
    from lepton.models.deviation import deviation
    from lepton.models.format import load

    made = record_of(session, ref)
    check_record(ref, made)
    registered = session.load(ref)
    parent = fresh
    if parent is None and made.parent is not None:
        parent = session.load(made.parent).model
    started = time.perf_counter()
    again = rebuild(session, ref, made, parent, folder / f"{ref.name}-v{ref.version}")
    seconds = time.perf_counter() - started
    apart = deviation(registered.folder, again.folder, again.held_out)
    rows = row_counts(again.rows)
    found = Reproduced(
        ref,
        identical=apart.identical and rows == made.rows,
        strategy=made.strategy,
        seed=made.seed,
        threads=made.threads,
        parent=made.parent,
        parent_rebuilt=fresh is not None,
        data=made.data["train"],
        deviation=apart,
        differences=(*_rows(made, rows), *differences(made, now)),
        seconds=round(seconds, 2),
    )
    return found, load(again.folder)


def _rows(made: Lineage, again: Mapping[str, Mapping[str, Any]]) -> Iterator[Difference]:
    """Yield the uses whose rows are not those on record."""
    for use in dict.fromkeys([*made.rows, *again]):
        then, now = made.rows.get(use), again.get(use)
        if then != now:
            yield Difference(
                f"rows: {use}", *(f"{one['count']}, {one['digest']}" if one else "-" for one in (then, now))
            )
