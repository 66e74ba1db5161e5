"""Erasure: rows that a person asked to have removed leave every file that holds them.

Deliveries are immutable otherwise, so that a digest stays true and a model can be built again. A person's right to be
forgotten outranks both, and it is the one exception: files in `data/` are written anew without the rows, and the older
objects that hold them are removed from DVC's cache and remote, which breaks the states that listed them for good.

No list of what was erased is kept: it would hold the very ids. So a *new* delivery with such an id is taken in like any
other, and whoever delivers must leave it out. The same delivery again is still known and refused, by the digest of all
its rows together.
"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError, NotFound, UsageError
from lepton.core.splits import PIXELS, split_key
from lepton.core.work.files import atomic_file, atomic_write
from lepton.data import batchfile, store
from lepton.data.manifest import manifest
from lepton.data.objects import DIRECTORY, Objects

HEADING = "id"


@dataclass(frozen=True)
class Asked:
    """The ids that are to be erased: whole, or the content hash before the first `~` of derived ones."""

    ids: frozenset[str]

    @cached_property
    def hashes(self) -> frozenset[str]:
        """The content hashes behind derived ids, and whatever else was asked for."""
        return frozenset(split_key(one) for one in self.ids)

    def which(self, row_id: str) -> str | None:
        """Return what was asked for that means this row, if anything does."""
        if row_id in self.ids:
            return row_id
        if (path := row_id.partition(PIXELS)[0]) in self.ids:
            return path
        key = split_key(row_id)
        return key if key != row_id and key in self.ids else None


@dataclass
class Found:
    """Where rows were found; counts only, but for `asked` and `rows`, which are never put on record."""

    batches: dict[str, int] = field(default_factory=dict)
    labels: dict[str, int] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    """What was asked for and found."""
    rows: set[str] = field(default_factory=set)
    """Ids of the rows themselves."""


def read_ids(path: Path) -> Asked:
    """Read a text file with an id a line; a first line `id` is a heading.

    Raises:
        NotFound: If there is no such file.
        UsageError: If it names no id, or is no text.
    """
    if not path.is_file():
        raise NotFound(f"There is no file {path}.", fix=["--ids FILE: a text file with an id a line"])
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except UnicodeDecodeError:
        raise UsageError(f"{path} is no text file.", fix=["write one id a line, in UTF-8"]) from None
    found = [line for line in lines if line]
    if found[:1] == [HEADING]:
        found = found[1:]
    if not found:
        raise UsageError(f"{path} names no id.", fix=["write one id a line"])
    return Asked(frozenset(found))


def find(ws: Workspace, domain: str, asked: Asked) -> Found:
    """Return which stored rows of a domain are meant, by batch and by delivery of labels."""
    found = Found()
    for counts, files in ((found.batches, store.batch_files), (found.labels, store.label_files)):
        for name, path in files(ws, domain).items():
            rows = [row_id for row_id in batchfile.ids_and_labels(path)[0] if asked.which(row_id) is not None]
            if rows:
                counts[name] = len(rows)
                found.rows.update(rows)
    found.asked = {which for row_id in found.rows if (which := asked.which(row_id)) is not None}
    return found


def rewrite(ws: Workspace, domain: str, asked: Asked) -> list[Path]:
    """Write every file of a domain that holds one of the rows anew without them; return those files.

    A file that loses all of its rows stays, empty: its batch keeps its place in the order of delivery, and what refers
    to it finds it.
    """
    changed = []
    for path in [*store.batch_files(ws, domain).values(), *store.label_files(ws, domain).values()]:
        drop = _meant(batchfile.ids_and_labels(path)[0], asked)
        if drop.any():
            _replace(path, batchfile.without(path, drop))
            changed.append(path)
    return changed


def erase_from_log(folder: Path, asked: Asked, dry_run: bool) -> tuple[int, set[str]]:
    """Drop rows from the Parquet files of a folder that have a column `id`; return how many, and what was found."""
    rows, found = 0, set()
    for path in sorted(folder.glob("*.parquet")):
        if HEADING not in pq.read_schema(path).names:
            continue
        arrow = pq.read_table(path, use_threads=False)
        ids = arrow[HEADING].to_pylist()
        drop = _meant(ids, asked)
        if not drop.any():
            continue
        rows += int(drop.sum())
        found |= {which for row_id in ids if (which := asked.which(row_id)) is not None}
        if not dry_run:
            _replace(path, arrow.filter(pa.array(~drop)))
    return rows, found


def objects_with(
    place: Objects,
    stored: Collection[str],
    domains: Collection[str],
    listed: Mapping[str, Collection[str]],
    current: Collection[str],
    asked: Asked,
) -> tuple[set[str], set[str]]:
    """Return the objects of a place that hold one of the rows, and what was found in them.

    What the data folder lists now is left alone, and so is what only other domains ever listed. An object that some
    state of these domains lists and that cannot be read is of no use to anybody, and nobody knows what is in it: it
    counts as one that holds a row.

    Args:
        place: To read from.
        stored: Its objects.
        domains: Those that are erased from.
        listed: Object -> the domains that some state lists it under.
        current: Objects of the state as it is now.
        asked: What to look for.
    """
    hit: set[str] = set()
    found: set[str] = set()
    for md5 in stored:
        names = listed.get(md5)
        if md5.endswith(DIRECTORY) or md5 in current or (names and not set(names) & set(domains)):
            continue
        try:
            ids = pq.read_table(io.BytesIO(place.read(md5)), columns=["id"], use_threads=False)["id"].to_pylist()
        except (OSError, pa.ArrowException, KeyError):
            hit |= {md5} if names else set()
            continue
        which = {one for row_id in ids if row_id is not None and (one := asked.which(row_id)) is not None}
        hit |= {md5} if which else set()
        found |= which
    return hit, found


def now_listed(ws: Workspace) -> set[str]:
    """Return the objects of the state that `data.dvc` names."""
    return set(manifest(ws.root).values())


# -- what an interrupted erasure leaves ------------------------------------------------------------------------------


def begin(ws: Workspace, journal: dict[str, Any]) -> None:
    """Keep what is to be erased until it is; only the user may read it, for it holds the ids."""
    _journal(ws).parent.mkdir(parents=True, exist_ok=True)
    _journal(ws).parent.chmod(0o700)
    atomic_write(_journal(ws), json.dumps(journal))


def unfinished(ws: Workspace) -> dict[str, Any] | None:
    """Return the journal of an erasure that was interrupted, if there is one.

    Raises:
        LeptonError: If it is damaged.
    """
    path = _journal(ws)
    try:
        journal: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise LeptonError(
            f"The record of an interrupted erasure is damaged: {path}.",
            why=str(error),
            fix=[f"rm {path}", "lepton data forget --ids FILE  (all of it again)"],
        ) from None
    return journal


def end(ws: Workspace) -> None:
    """Remove the journal, and with it the ids."""
    shutil.rmtree(_journal(ws).parent, ignore_errors=True)


def check_none_unfinished(ws: Workspace) -> None:
    """Refuse to go on while an erasure is not finished.

    Raises:
        LeptonError: If one was interrupted.
    """
    if _journal(ws).exists():
        raise LeptonError(
            "An erasure was interrupted, and some of the rows may still be here.",
            fix=["lepton data forget  (finishes it; it needs no --ids)"],
        )


def _journal(ws: Workspace) -> Path:
    return ws.state_dir / "erasure" / "journal.json"


def _meant(ids: Iterable[str], asked: Asked) -> NDArray[np.bool_]:
    return np.array([asked.which(row_id) is not None for row_id in ids], dtype=bool)


def _replace(path: Path, arrow: pa.Table) -> None:
    """Write a file anew, whole: a reader meets the old one or the new one."""
    with atomic_file(path, store.TEMPORARY) as temporary:
        batchfile.write(temporary, [arrow])
