"""Work that survives a kill: what each step came to is kept in a folder that bears the work's key, and taken up again.

A step is done when its result lies there, whole: it is written beside and renamed. The folder goes away when the work
has ended well. So a folder that is found means that somebody was interrupted, and the same work asked for again goes
on from it. Work of another key (other data, other settings) never does: what it would find is not what it needs.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from lepton.core.config.workspace import Workspace
from lepton.core.work.faults import reached
from lepton.core.work.files import atomic_write

KEY = "[0-9a-f]" * 16
"""Glob of a key, `core.files.digest`."""
KEPT = timedelta(days=7)
"""How long the folder of interrupted work waits for somebody to go on with it."""


def folder_of(ws: Workspace, verb: str, slot: str, key: str) -> Path:
    """Return where the work `key` of a verb on a pair, or on the source, leaves the results of its steps."""
    return ws.work_dir / f"{verb}-{slot}-{key}"


@contextmanager
def until_done(folder: Path) -> Iterator[None]:
    """Remove the folder if the block ends well; after an error or a kill it stays, for the same work to go on from.

    What was left by other work on the same pair has been overtaken and goes at once; what nobody came back for goes
    with time. To be called while `alone`.
    """
    verb_and_slot, _, _ = folder.name.rpartition("-")
    for other in folder.parent.glob(f"{verb_and_slot}-{KEY}"):
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)
    sweep(folder.parent)
    yield
    shutil.rmtree(folder, ignore_errors=True)
    reached(f"{verb_and_slot.partition('-')[0]}.cleaned")


def discard(ws: Workspace, verb: str, slot: str) -> None:
    """Remove what interrupted work of a verb on a slot left, so that it begins anew. To be called while `alone`."""
    for folder in ws.work_dir.glob(f"{verb}-{slot}-{KEY}"):
        shutil.rmtree(folder, ignore_errors=True)


def sweep(work_dir: Path, kept: timedelta = KEPT) -> list[Path]:
    """Remove and return the folders of interrupted work that nothing was written to for so long."""
    limit, gone = time.time() - kept.total_seconds(), []
    for folder in work_dir.glob("*"):
        if not any(path.lstat().st_mtime > limit for path in (folder, *folder.rglob("*"))):
            shutil.rmtree(folder, ignore_errors=True)
            gone.append(folder)
    return gone


def once(folder: Path | str, step: str, work: Callable[[], Any]) -> Any:
    """Return what an interrupted run left of a step, else do it and leave its result for the next.

    Args:
        folder: Of the work; empty: nothing is found and nothing left.
        step: Names the result.
        work: Does the step; what it returns must be JSON.
    """
    found = result_of(folder, step)
    if found is None:
        found = work()
        if folder:
            atomic_write(Path(folder) / f"{step}.json", json.dumps(found))
    return found


def result_of(folder: Path | str, step: str) -> Any:
    """Return the result that a step left; None if it left none, or a damaged one, which counts as none."""
    if not folder:
        return None
    try:
        return json.loads((Path(folder) / f"{step}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
