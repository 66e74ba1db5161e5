"""What is missing in `data/`, or damaged, brought back from DVC's cache or the remote; nothing else is touched."""

from __future__ import annotations

import shutil
from pathlib import Path

from lepton.core.config.workspace import Workspace
from lepton.core.errors import NotFound
from lepton.core.work.files import atomic_file
from lepton.data.manifest import dvc_md5, manifest
from lepton.data.objects import Cache, bring, is_whole
from lepton.data.store import TEMPORARY


def broken(ws: Workspace, domain: str | None = None) -> dict[str, str]:
    """Return path within `data/` -> "missing" or "damaged", for files that `data.dvc` lists.

    Args:
        ws: The workspace.
        domain: Look at this domain's files only.

    Raises:
        NotFound: If there is no `data.dvc`, or nobody has the list of files behind it.
    """
    md5 = dvc_md5(ws.root)
    if md5 is None:
        raise NotFound(
            "There is no data.dvc, so nobody knows what data/ should hold.",
            fix=[f"cd {ws.root} && git checkout data.dvc", "lepton ingest DOMAIN FILE  (if nothing was delivered yet)"],
        )
    bring(ws, [md5])
    found: dict[str, str] = {}
    for path, expected in manifest(ws.root).items():
        if domain is not None and not path.startswith(f"{domain}/"):
            continue
        file = ws.data_dir / path
        if not file.is_file():
            found[path] = "missing"
        elif not is_whole(expected, file.read_bytes()):
            found[path] = "damaged"
    return found


def repair(ws: Workspace, found: dict[str, str]) -> list[Path]:
    """Bring these files back, each whole; return where damaged ones were put, for what in them is not versioned.

    Raises:
        NotFound: If neither cache nor remote has one of them; then nothing was changed.
    """
    listed = manifest(ws.root)
    bring(ws, [listed[path] for path in found])
    aside = []
    for path, state in found.items():
        goal = ws.data_dir / path
        if state == "damaged":
            kept = ws.state_dir / "damaged" / path
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(goal, kept := _free(kept))
            aside.append(kept)
        with atomic_file(goal, TEMPORARY) as temporary:
            shutil.copyfile(Cache(ws.root).path(listed[path]), temporary)
    return aside


def _free(path: Path) -> Path:
    number, free = 2, path
    while free.exists():
        free, number = path.with_name(f"{path.name}.{number}"), number + 1
    return free
