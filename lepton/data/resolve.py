"""The rows that a reference names: what came to the data folder since does not count."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError
from lepton.core.refs import DataRef
from lepton.core.table import Table, concat
from lepton.data import batchfile
from lepton.data.manifest import manifest
from lepton.data.store import choose, label_files


def load_seen(ws: Workspace, ref: DataRef) -> Table:
    """Return the rows of a reference with the labels of its state, from the data folder.

    Labels that are delivered while a model is made belong to the next one: the record must be true of this one.

    Raises:
        NotFound: If a batch is not there any more, or DVC's cache and remote lack the state.
        LeptonError: If a file is not what the reference names: rows of it were erased meanwhile, or it was damaged.
    """
    known = manifest(ws.root, ref.dvc_md5)
    table = concat([batchfile.read(_checked(ws, path, known)) for path in choose(ws, ref.domain, ref.batches).values()])
    later: dict[str, str] = {}
    for path in label_files(ws, ref.domain).values():
        if path.relative_to(ws.data_dir).as_posix() in known:
            ids, labels = batchfile.ids_and_labels(_checked(ws, path, known))
            later.update(zip(ids, labels, strict=True))
    if not later:
        return table
    now = [later.get(row_id, label) for row_id, label in zip(table.ids, table.labels, strict=True)]
    return table.with_labels(np.array(now, dtype=object))


def _checked(ws: Workspace, path: Path, known: dict[str, str]) -> Path:
    """Return the path of a file that is what a state of the data says."""
    name = path.relative_to(ws.data_dir).as_posix()
    if hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() != known.get(name):
        raise LeptonError(
            f"data/{name} is not what it was when this work began.",
            why="Rows of it were erased meanwhile, or the file was damaged.",
            fix=["run the same command again", "lepton data checkout"],
        )
    return path
