"""Batches of a domain on disk: immutable Parquet files whose names carry the order of delivery.

data/<domain>/0001-<batch>.parquet          rows, with the labels that came with them
data/<domain>/labels/0001-<name>.parquet    labels that came later; the latest word on a row counts

Only an erasure (`lepton.data.erase`) ever writes one of them anew, with fewer rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lepton.core.config.names import check_batch, check_domain
from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError, NotFound
from lepton.core.table import Table, concat
from lepton.core.work.files import atomic_file
from lepton.data import batchfile
from lepton.data.ids import batch_digest, content_keys

P = TypeVar("P", Path, PurePosixPath)

_FILE = re.compile(r"(\d{4,})-(.+)\.parquet")
AT_ONCE = 1 << 17
"""Rows that are counted at once."""
TEMPORARY = ".part-"
"""Prefix of files that are still being written; `.dvcignore` hides them from DVC."""


def batches(ws: Workspace, domain: str) -> list[str]:
    """Return the domain's batches in the order of delivery, but those that lost all their rows to an erasure."""
    return [name for name, path in batch_files(ws, domain).items() if not batchfile.is_empty(path)]


def batch_files(ws: Workspace, domain: str) -> dict[str, Path]:
    """Return batch name -> file, in the order of delivery."""
    return _files(ws.data_dir / check_domain(domain))


def label_files(ws: Workspace, domain: str) -> dict[str, Path]:
    """Return name -> file of the labels that came later, in the order of delivery."""
    return _files(ws.data_dir / check_domain(domain) / "labels")


def write_batch(ws: Workspace, domain: str, batch: str, table: Table) -> Path:
    """Store rows as a new batch; the file is whole or absent.

    Raises:
        LeptonError: If the domain already has a batch of this name.
    """
    return write_pieces(ws, domain, batch, [table], len(table), batch_digest(content_keys(table)))


def write_pieces(ws: Workspace, domain: str, batch: str, tables: Iterable[Table], rows: int, content: str) -> Path:
    """Store the rows of several tables as a new batch, one table after another; see `write_batch`.

    Args:
        ws: The workspace.
        domain: Where the rows come from.
        batch: Its name.
        tables: At least one; all of the same columns and types.
        rows: How many rows they have in all.
        content: Digest of all rows, as `lepton.data.ids.batch_digest` makes it.
    """
    about = {"rows": rows, "content": content}
    parts = (batchfile.encode(table, about) for table in tables)
    return _place(ws.data_dir / check_domain(domain), check_batch(batch), parts)


def place(folder: Path, batch: str, table: Table) -> Path:
    """Write a batch as the next file of a domain's folder."""
    return _place(folder, batch, [batchfile.encode(table, {"content": batch_digest(content_keys(table))})])


def write_labels(ws: Workspace, domain: str, name: str, ids: NDArray[np.object_], labels: NDArray[np.object_]) -> Path:
    """Store labels for rows that are already there; the file is whole or absent.

    Raises:
        LeptonError: If the domain already has a delivery of labels of this name.
    """
    arrow = pa.table({"id": pa.array(ids, pa.string()), "label": pa.array(labels, pa.string())})
    return _place(ws.data_dir / check_domain(domain) / "labels", check_batch(name), [arrow])


def load(ws: Workspace, domain: str, batches: Sequence[str] | None = None) -> Table:
    """Return the rows of these batches (by default all) in the order of delivery, with the latest labels.

    Raises:
        NotFound: If the domain has no rows, or a batch does not exist.
    """
    chosen = choose(ws, domain, batches)
    table = concat([batchfile.read(path) for path in chosen.values()])
    later = latest_labels(ws, domain)
    if not later:
        return table
    labels = [later.get(row_id, label) for row_id, label in zip(table.ids, table.labels, strict=True)]
    return table.with_labels(np.array(labels, dtype=object))


def choose(ws: Workspace, domain: str, batches: Sequence[str] | None = None) -> dict[str, Path]:
    """Return name -> file of these batches (by default all) in the order of delivery.

    Raises:
        NotFound: If the domain has no rows, or a batch does not exist.
    """
    files = batch_files(ws, domain)
    if not files:
        raise NotFound(
            f"Domain {domain!r} has no data yet.",
            why=f"There is no batch in {ws.data_dir / domain}.",
            fix=[f"lepton ingest {domain} FILE"],
        )
    unknown = [name for name in batches or () if name not in files]
    if unknown:
        raise NotFound(f"Domain {domain!r} has no batch {unknown[0]!r}.", why=f"Batches: {', '.join(files)}.")
    return files if batches is None else {name: path for name, path in files.items() if name in set(batches)}


def ids_of(ws: Workspace, domain: str) -> set[str]:
    """Return the ids of all rows of a domain."""
    return set(batch_of(ws, domain))


def batch_of(ws: Workspace, domain: str) -> dict[str, str]:
    """Return row id -> the batch that holds it."""
    found: dict[str, str] = {}
    for batch, path in batch_files(ws, domain).items():
        found.update(dict.fromkeys(batchfile.ids_and_labels(path)[0], batch))
    return found


def latest_labels(ws: Workspace, domain: str) -> dict[str, str]:
    """Return row id -> label as delivered later; a later delivery overrides an earlier one."""
    found: dict[str, str] = {}
    for path in label_files(ws, domain).values():
        ids, labels = batchfile.ids_and_labels(path)
        found.update(zip(ids, labels, strict=True))
    return found


def labels_now(ws: Workspace, domain: str) -> dict[str, str]:
    """Return row id -> label as it holds now, whenever it was delivered; rows without one are left out."""
    found: dict[str, str] = {}
    for path in batch_files(ws, domain).values():
        ids, labels = batchfile.ids_and_labels(path)
        found.update((row_id, label) for row_id, label in zip(ids, labels, strict=True) if label is not None)
    return found | latest_labels(ws, domain)


def counts(ws: Workspace, domain: str, batches: Sequence[str] | None = None) -> tuple[int, int]:
    """Return how many rows these batches have, and how many of them are labelled."""
    later = latest_labels(ws, domain)
    known = pa.array(list(later), pa.string())
    rows = labelled = 0
    for path in choose(ws, domain, batches).values():
        for piece in batchfile.labels_in_pieces(path, AT_ONCE):
            there = piece["label"].is_valid()
            if later:
                there = pc.or_(there, pc.is_in(piece["id"], known))
            rows += len(piece)
            labelled += pc.sum(there).as_py() or 0
    return rows, labelled


def in_order(paths: Iterable[P]) -> dict[str, P]:
    """Return name -> file for those of the paths that are batches (or deliveries of labels), in order of delivery."""
    found = [(int(match[1]), match[2], path) for path in paths if (match := _FILE.fullmatch(path.name))]
    return {name: path for _, name, path in sorted(found)}


def _files(folder: Path) -> dict[str, Path]:
    return in_order(folder.glob("*.parquet"))


def _place(folder: Path, name: str, parts: Iterable[pa.Table]) -> Path:
    """Write beside the goal, then rename: an interrupted write leaves nothing that counts."""
    files = _files(folder)
    if name in files:
        raise LeptonError(
            f"{name!r} is already stored; a delivery is never overwritten.",
            why=f"It is {files[name]}.",
            fix=["deliver it under another name: --name"],
        )
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob(f"{TEMPORARY}*"):
        stale.unlink(missing_ok=True)
    last = max((int(path.name.partition("-")[0]) for path in files.values()), default=0)
    path = folder / f"{last + 1:04d}-{name}.parquet"
    with atomic_file(path, TEMPORARY) as temporary:
        batchfile.write(temporary, parts)
    return path
