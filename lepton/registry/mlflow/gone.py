"""Versions that somebody deleted on MLflow's pages: seen without MLflow, and brought back while their files lie there.

MLflow keeps the row of a deleted version, with its number, and never gives that number again; it blanks where the files
lie. The model behind it stays as it was. So the row is written as it was registered, and the ledger's word holds again.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from lepton.core.config.workspace import Workspace
from lepton.core.refs import ModelRef

DELETED = "Deleted_Internal"
"""Stage of a version that was deleted, in MLflow 3."""


def gone(ws: Workspace, versions: Iterable[ModelRef]) -> list[ModelRef]:
    """Return those versions that MLflow's database does not have any more; costs a millisecond, writes nothing."""
    asked = list(dict.fromkeys(versions))
    if not asked or not ws.mlflow_db.exists():
        return []
    try:
        with closing(_open(ws.mlflow_db, "ro")) as db:
            found = db.execute(
                "SELECT name, version FROM model_versions WHERE current_stage != ?", (DELETED,)
            ).fetchall()
    except sqlite3.Error:  # being made, or not ours to judge: who works with it will say so
        return []
    there = {(name, str(version)) for name, version in found}
    return [ref for ref in asked if ref.key not in there]


def bring_back(ws: Workspace, ref: ModelRef) -> bool:
    """Undo the deletion of a version; return whether there was one, and a model that bears its name.

    Whether its files are those of its registration is not looked at: see `lepton.registry.promotion.verify`.
    """
    with closing(_open(ws.mlflow_db, "rw")) as db, db:
        models = db.execute("SELECT model_id, tag_value FROM logged_model_tags WHERE tag_key = 'mlflow.modelVersions'")
        model = next((one for one, value in models.fetchall() if _is_of(value, ref)), None)
        if model is None:
            return False
        done = db.execute(
            "UPDATE model_versions SET current_stage = 'None', source = ?, run_id = ?, run_link = NULL,"
            " status = 'READY' WHERE name = ? AND version = ? AND current_stage = ?",
            (f"models:/{model}", ref.run_id, ref.name, int(ref.version), DELETED),
        )
        return done.rowcount == 1


def _open(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path))}?mode={mode}", uri=True, timeout=30)


def _is_of(links: str, ref: ModelRef) -> bool:
    """Return whether a logged model says that it is this version."""
    try:
        found = json.loads(links)
    except ValueError:
        return False
    return any(str(one.get("name")) == ref.name and str(one.get("version")) == ref.version for one in found)
