"""Reproduce: a registered version is made again from the registry alone, and compared bit for bit."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lepton.core.errors import LeptonError, UsageError
from lepton.core.refs import ModelRef
from lepton.operations.registration import row_counts
from lepton.operations.reproduce.rebuild import check_record, rebuild
from lepton.operations.session import Session
from lepton.registry.lineage.differences import Difference, differences
from lepton.registry.lineage.environment import environment
from lepton.registry.lineage.find import find_model
from lepton.registry.lineage.record import Lineage, forebears

if TYPE_CHECKING:
    from lepton.models.model import Model


def reproduce(session: Session, words: str, deep: bool = False, keep: Path | None = None) -> dict[str, Any]:
    """Make a version again in a clean folder and compare it with the registered one; changes nothing.

    Args:
        session: The workspace at work.
        words: DOMAIN[@alias|version], a pair or a model's name.
        deep: Make what it descends from again, too, from the source on, each from the rebuilt one before.
        keep: Where to leave what was made; by default it is removed.

    Returns:
        `identical`, whether every model that was made again is the registered one to the bit, and `models`, one object
        each, the one that was asked for last.

    Raises:
        NotFound: If there is no such model, or its data is gone.
        LeptonError: If its record does not say enough, or its registered files are damaged.
    """
    ref = find_model(session.ws, session.ledger, words)
    made = record_of(session, ref)
    line = [ref, *forebears(session.ledger, made)]
    now, told, fresh = environment(), [], None
    with room(keep) as folder:
        for one in reversed(line) if deep else line[:1]:
            found, fresh = _again(session, one, folder, fresh, now)
            told.append(found)
    return {
        "model": ref.to_json(),
        "identical": all(found["identical"] for found in told),
        "deep": deep,
        "models": told,
        "kept": str(keep.resolve()) if keep else None,
    }


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
    session: Session, ref: ModelRef, folder: Path, fresh: Model | None, now: dict[str, Any]
) -> tuple[dict[str, Any], Model]:
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
    same_rows = row_counts(again.rows) == made.rows
    data = made.data["train"]
    found = {
        "model": ref.to_json(),
        "identical": apart.identical and same_rows,
        "strategy": made.strategy,
        "seed": made.seed,
        "threads": made.threads,
        "parent": {**made.parent.to_json(), "rebuilt": fresh is not None} if made.parent else None,
        "data": data.to_json(),
        "deviation": apart.to_json(),
        "differences": [one.to_json() for one in (*_rows(made, row_counts(again.rows)), *differences(made, now))],
        "seconds": round(seconds, 2),
    }
    return found, load(again.folder)


def _rows(made: Lineage, again: dict[str, dict[str, Any]]) -> Iterator[Difference]:
    """Yield the uses whose rows are not those on record."""
    for use in dict.fromkeys([*made.rows, *again]):
        then, now = made.rows.get(use), again.get(use)
        if then != now:
            yield Difference(
                f"rows: {use}", *(f"{one['count']}, {one['digest']}" if one else "-" for one in (then, now))
            )
