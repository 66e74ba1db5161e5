"""What DVC has recorded: the pointer `data.dvc`, and the list of files behind it."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from lepton.core.errors import LeptonError, NotFound
from lepton.data.repository import is_local


def dvc_md5(root: Path) -> str | None:
    """Return the md5 in `data.dvc`; None if there is none yet."""
    path = root / "data.dvc"
    if not path.exists():
        return None
    try:
        return str(yaml.safe_load(path.read_text())["outs"][0]["md5"])
    except (yaml.YAMLError, KeyError, IndexError, TypeError):
        raise LeptonError(f"{path} cannot be read.", fix=[f"cd {root} && rm data.dvc && dvc add data"]) from None


def manifest(root: Path, md5: str | None = None) -> dict[str, str]:
    """Return path within `data/` -> md5 as DVC has recorded them; empty before the first snapshot.

    Args:
        root: The workspace's folder.
        md5: Of an earlier state; by default what `data.dvc` names.

    Raises:
        LeptonError: If the list is not in DVC's cache, or damaged there.
    """
    md5 = md5 or dvc_md5(root)
    if md5 is None:
        return {}
    path = object_file(root, md5)
    try:
        entries: list[dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))
        return {entry["relpath"]: entry["md5"] for entry in entries}
    except (ValueError, KeyError, TypeError) as error:
        raise LeptonError(
            f"DVC's list of the data's files is damaged: {path}.",
            why=str(error),
            fix=[f"rm {path}", "lepton data checkout  (fetches it from the remote)"],
        ) from None


def object_file(root: Path, md5: str) -> Path:
    """Return the file of DVC's cache with this md5, fetched from the remote if need be."""
    name = Path("files") / "md5" / md5[:2] / md5[2:]
    path = root / ".dvc" / "cache" / name
    if path.exists():
        return path
    config = (root / ".dvc" / "config").read_text() if (root / ".dvc" / "config").exists() else ""
    for line in config.splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "url" and is_local(value.strip()):
            copy = (root / ".dvc" / value.strip()) / name
            if copy.exists():
                return copy
    raise NotFound(
        "DVC's cache lacks a version of the data that is referred to.",
        why=f"There is no object {md5} in {root / '.dvc' / 'cache'}.",
        fix=["lepton data checkout  (fetches what data.dvc lists)"],
    )
