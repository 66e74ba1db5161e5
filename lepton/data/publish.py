"""Publishing: a person commits `data.dvc` to the workspace's git repository, and nothing else with it."""

from __future__ import annotations

import re

import yaml

from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError
from lepton.data.manifest import dvc_md5
from lepton.data.repository import open_repo, run_git
from lepton.data.versions import check_complete, status_clean

POINTER = "data.dvc"
IGNORED = "/data"
_MD5 = re.compile(r"^[+-][-\s]*md5:\s*([0-9a-f]{32}\.dir)\s*$", re.MULTILINE)
"""The md5 of a folder in a line that a commit added or took away."""


def committed(ws: Workspace) -> tuple[str | None, str | None]:
    """Return the md5 in the `data.dvc` of git's newest commit, and the commit that it came with; None where none is."""
    text = run_git(ws.root, "show", f"HEAD:{POINTER}")
    if text is None:
        return None, None
    try:
        md5 = str(yaml.safe_load(text)["outs"][0]["md5"])
    except (yaml.YAMLError, KeyError, IndexError, TypeError):
        md5 = None
    return md5, run_git(ws.root, "log", "-1", "--format=%H", "--", POINTER)


def ever_committed(ws: Workspace) -> set[str]:
    """Return the md5 of every `data.dvc` that some commit of the repository has, or had before it was changed."""
    changes = run_git(ws.root, "log", "--all", "-m", "--format=", "-p", "--no-ext-diff", "--", POINTER) or ""
    return set(_MD5.findall(changes))


def check_publishable(ws: Workspace) -> str:
    """Return the md5 of the data as it is, if a commit of its pointer would be of use to somebody else.

    Raises:
        LeptonError: If there is no data, it is not what `data.dvc` lists, or the remote lacks some of it.
    """
    md5 = dvc_md5(ws.root)
    if md5 is None:
        raise LeptonError("There is nothing to publish: no data was recorded yet.", fix=["lepton ingest DOMAIN FILE"])
    check_complete(ws)
    if not status_clean(ws.root):
        raise LeptonError(
            "The data folder is not what data.dvc lists, so its pointer was not committed.",
            why="A delivery was interrupted before it was recorded, or files in data/ were changed by hand.",
            fix=["deliver the interrupted file again", "lepton data checkout  (puts changed files right)"],
        )
    with open_repo(ws, "compare the data with the remote") as repo:
        behind = repo.status(cloud=True)
    if behind:
        raise LeptonError(
            f"The remote lacks {len(behind)} files of the data, so its pointer was not committed.",
            why=f"Whoever pulls the commit could not get {', '.join(sorted(behind)[:3])}.",
            fix=[f"cd {ws.root} && dvc push"],
        )
    return md5


def commit_pointer(ws: Workspace, message: str) -> str:
    """Commit `data.dvc`, and `.gitignore` if the commit before does not keep git out of `data/`; return the commit.

    Whatever else is staged or changed stays as it is. The person's own name and hooks apply.

    Raises:
        LeptonError: If git refuses.
    """
    paths = [POINTER]
    ignored = (run_git(ws.root, "show", "HEAD:.gitignore") or "").splitlines()
    if IGNORED not in ignored and (ws.root / ".gitignore").exists():
        paths.append(".gitignore")
    run_git(ws.root, "add", "--force", "--", *paths, must=True)
    run_git(ws.root, "commit", "--quiet", "--only", "-m", message, "--", *paths, must=True, own_name=True)
    revision = run_git(ws.root, "rev-parse", "HEAD", must=True)
    assert revision is not None
    return revision
