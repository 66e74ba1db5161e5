"""A domain as it was: its files in some state of the data folder, its rows then, and a copy of it elsewhere.

`data/` itself only ever grows, so nothing here writes into it.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from lepton.core.config.workspace import Workspace
from lepton.core.errors import NotFound, UsageError
from lepton.core.refs import DataRef
from lepton.core.work.files import atomic_dir
from lepton.data import batchfile
from lepton.data.manifest import manifest
from lepton.data.objects import Cache, bring
from lepton.data.store import in_order


@dataclass(frozen=True)
class Past:
    """The files of a domain in one state of the data folder."""

    domain: str
    md5: str
    """The state: an md5 as in `data.dvc`."""
    batches: dict[str, str]
    """Path within `data/` -> md5, in the order of delivery."""
    labels: dict[str, str]
    """The same of the labels that came later."""

    @property
    def names(self) -> tuple[str, ...]:
        """The batches' names, in the order of delivery."""
        return tuple(in_order(map(PurePosixPath, self.batches)))

    @property
    def files(self) -> dict[str, str]:
        """Batches and labels."""
        return {**self.batches, **self.labels}


def past(ws: Workspace, domain: str, md5: str, only: Sequence[str] | None = None) -> Past:
    """Return a domain's files in a state, or those of some batches (and all labels of that state).

    Raises:
        NotFound: If nobody has the state any more, or the domain had none of it.
    """
    bring(ws, [md5])
    known = manifest(ws.root, md5)
    inside = {path: PurePosixPath(path) for path in known if path.startswith(f"{domain}/")}
    rows = in_order(path for path in inside.values() if path.parent.name == domain)
    later = in_order(path for path in inside.values() if path.parent.as_posix() == f"{domain}/labels")
    if lacking := [name for name in only or () if name not in rows]:
        raise NotFound(f"Domain {domain!r} had no batch {lacking[0]!r} in the state {md5[:12]}.")
    if not rows:
        raise NotFound(f"Domain {domain!r} had no data in the state {md5[:12]}.", fix=[f"lepton data log {domain}"])
    chosen = [path.as_posix() for name, path in rows.items() if only is None or name in only]
    labels = [path.as_posix() for path in later.values()]
    return Past(domain, md5, {path: known[path] for path in chosen}, {path: known[path] for path in labels})


def past_of(ws: Workspace, ref: DataRef) -> Past:
    """Return the very files that a reference names.

    Raises:
        NotFound: If it names no state, or nobody has it any more.
    """
    if ref.dvc_md5 is None:
        raise NotFound(f"The reference to {ref.domain} {ref.digest} names no state of the data folder.")
    return past(ws, ref.domain, ref.dvc_md5, ref.batches)


def checkout_ref(ws: Workspace, ref: DataRef, into: Path) -> Path:
    """Copy what `ref` names to `into`/data/<domain>, fetched if need be; whole or not at all.

    Raises:
        NotFound: If cache and remote lack it: it was erased, or lost.
        UsageError: If `into` is there already and holds something, or lies in `data/`.
    """
    return checkout(ws, past_of(ws, ref), into)


def checkout(ws: Workspace, was: Past, into: Path) -> Path:
    """Copy a domain as it was to `into`/data/<domain>; see `checkout_ref`."""
    check_free(ws, into)
    bring(ws, was.files.values())
    cache = Cache(ws.root)
    with atomic_dir(into) as folder:
        for path, md5 in was.files.items():
            goal = folder / "data" / path
            goal.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(cache.path(md5), goal)
    return into


def check_free(ws: Workspace, into: Path) -> None:
    """Refuse a folder that holds something, or that DVC versions.

    Raises:
        UsageError: If so.
    """
    if into.resolve().is_relative_to(ws.data_dir.resolve()):
        raise UsageError(f"{into} lies in data/, which only ingest writes to.", fix=["name a folder outside: --into"])
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise UsageError(f"{into} is there already and holds something.", fix=["name another folder: --into"])


@dataclass(frozen=True)
class Row:
    """One row in a state, without its features."""

    label: str | None
    file: str
    """The batch's file that holds the row."""
    labels: str
    """The file that its label is from."""


def rows_of(ws: Workspace, was: Past) -> tuple[dict[str, Row], set[str]]:
    """Return row id -> the row with its label as it held in that state, and the files that nobody has any more.

    Rows of such a file are left out: they were erased.
    """
    cache, gone = Cache(ws.root), set()
    rows: dict[str, Row] = {}
    for path, md5 in was.files.items():
        try:
            bring(ws, [md5])
        except NotFound:
            gone.add(path)
            continue
        for row_id, label in zip(*batchfile.ids_and_labels(cache.path(md5)), strict=True):
            if path in was.batches:
                rows[row_id] = Row(label, path, path)
            elif row_id in rows:
                rows[row_id] = Row(label, rows[row_id].file, path)
    return rows, gone


@dataclass(frozen=True)
class Difference:
    """What two states of a domain differ in, from the first to the second."""

    batches_added: tuple[str, ...]
    batches_removed: tuple[str, ...]
    added: tuple[str, ...]
    """Ids of rows."""
    removed: tuple[str, ...]
    relabelled: tuple[str, ...]
    """Ids of rows that both have, with another label."""
    gone: tuple[str, ...]
    """Files whose rows nobody knows any more: they were erased, so their rows are counted nowhere."""

    def to_json(self, with_rows: bool = True) -> dict[str, Any]:
        """Return a JSON object; counts of rows, and on demand their ids."""
        rows = {"added": self.added, "removed": self.removed, "relabelled": self.relabelled}
        return {
            "batches": {"added": self.batches_added, "removed": self.batches_removed},
            "rows": {kind: len(ids) for kind, ids in rows.items()},
            "gone": self.gone,
            **({"ids": rows} if with_rows else {}),
        }


def compare(ws: Workspace, a: Past, b: Past) -> Difference:
    """Return what was added, removed and relabelled from `a` to `b`, states of one domain."""
    (before, gone_before), (after, gone_after) = rows_of(ws, a), rows_of(ws, b)
    gone = gone_before | gone_after

    def changed(row_id: str) -> bool:
        old, new = before[row_id], after[row_id]
        return old.label != new.label and gone.isdisjoint((old.labels, new.labels))

    return Difference(
        batches_added=tuple(name for name in b.names if name not in a.names),
        batches_removed=tuple(name for name in a.names if name not in b.names),
        added=tuple(i for i, row in after.items() if i not in before and row.file not in gone_before),
        removed=tuple(i for i, row in before.items() if i not in after and row.file not in gone_after),
        relabelled=tuple(i for i in before if i in after and changed(i)),
        gone=tuple(sorted(gone)),
    )
