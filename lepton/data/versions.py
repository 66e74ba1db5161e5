"""Versions of the data folder: DVC in process, quiet, and behind these functions only.

`dvc.repo.Repo` is many times faster than the command line but no promised interface, so nothing else touches it.
Nothing here ever commits data to git: publishing `data.dvc` is for a person to do.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from lepton.core.errors import LeptonError, NotFound
from lepton.core.files import atomic_dir, atomic_write, digest
from lepton.core.refs import DataRef
from lepton.core.workspace import Workspace
from lepton.data import store

REMOTE = "lepton"
DEFAULT_REMOTE = ".lepton/remote"
IGNORED = "# Files that are still being written.\n.part-*\n.build\n"


def init_versioning(root: Path, remote: str = DEFAULT_REMOTE) -> None:
    """Make `root` a git and DVC repository with a remote; what is there already is left alone.

    A root inside some other git repository gets one of its own, so that its versions never mix with it. Only a git
    repository made here gets a first commit (of the settings, no data), under a name of its own.
    """
    root = root.resolve()
    root.mkdir(parents=True, exist_ok=True)
    fresh = _git(root, "rev-parse", "--show-toplevel") != str(root)
    if fresh:
        _git(root, "init", "--quiet", must=True)
    if not (root / ".dvc" / "config").exists():
        with _dvc(root, "set up DVC") as dvc:
            dvc.Repo.init(str(root)).close()
        atomic_write(root / ".dvcignore", IGNORED)
        atomic_write(root / ".dvc" / "config", _settings(root, remote))
    if is_local(remote):
        (root / remote).mkdir(parents=True, exist_ok=True)
    ignore = root / ".gitignore"
    lines = ignore.read_text().splitlines() if ignore.exists() else []
    missing = [line for line in ("/data", "/.lepton/") if line not in lines]
    if missing:
        atomic_write(ignore, "\n".join([*lines, *missing]) + "\n")
    if fresh:
        _git(root, "add", ".gitignore", ".dvcignore", ".dvc/config", ".dvc/.gitignore", must=True)
        _git(root, "commit", "--quiet", "--no-verify", "-m", "Set up DVC", must=True)


def snapshot(ws: Workspace, push: bool = True) -> str:
    """Record the data folder in `data.dvc`, push it to the remote, and return the md5 in `data.dvc`.

    Raises:
        LeptonError: If the remote is missing or refuses, DVC's lock is held, or files that `data.dvc` lists are gone.
    """
    check_complete(ws)
    with _repo(ws, "record the data") as repo:
        repo.add(str(ws.data_dir))
    if push:
        push_all(ws)
    md5 = dvc_md5(ws.root)
    assert md5 is not None
    return md5


def push_all(ws: Workspace) -> None:
    """Copy what the remote lacks to it.

    Raises:
        LeptonError: If the remote is missing or refuses.
    """
    remote = ws.config.data.remote
    if is_local(remote) and not (ws.root / remote).is_dir():
        # DVC would make the folder anew, even under the mount point of a disk that is not there.
        raise LeptonError(
            "The DVC remote is missing: the data is stored here, but has no second copy.",
            why=f"There is no folder {ws.root / remote} (lepton.yaml, data.remote: {remote}).",
            fix=[f"mkdir -p {ws.root / remote}", "mend data.remote in lepton.yaml", "then deliver the same file again"],
        )
    with _repo(ws, f"push the data to {remote}") as repo:
        repo.push()


def check_complete(ws: Workspace) -> None:
    """Refuse to go on where `data/` lacks files that `data.dvc` lists, as in a fresh clone: recording would drop them.

    Raises:
        LeptonError: If files are missing.
    """
    missing = [path for path in manifest(ws.root) if not (ws.data_dir / path).is_file()]
    if missing:
        raise LeptonError(
            f"data/ lacks {len(missing)} files that data.dvc lists, such as {missing[0]}.",
            why="This looks like a fresh clone, or files were deleted; stored batches are never changed or removed.",
            fix=[f"cd {ws.root} && dvc pull"],
        )


def fetch(ws: Workspace) -> None:
    """Bring `data/` to what `data.dvc` lists, from the cache or the remote.

    Raises:
        LeptonError: If the remote is missing or lacks a file.
    """
    with _repo(ws, "fetch the data") as repo:
        repo.pull()


def restore(ws: Workspace, ref: DataRef, into: Path) -> Path:
    """Copy a domain as it was when `ref` was made to the folder `into`/data/<domain>; `data/` is left alone.

    Raises:
        NotFound: If the cache and the remote lack it.
    """
    entries = manifest(ws.root, ref.dvc_md5)
    wanted = {path: md5 for path, md5 in entries.items() if path.startswith(f"{ref.domain}/")}
    with atomic_dir(into) as folder:
        for path, md5 in wanted.items():
            goal = folder / "data" / path
            goal.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(_object(ws.root, md5), goal)
    return into


def domain_digest(ws: Workspace, domain: str, batches: Sequence[str] | None = None) -> str:
    """Return 16 hex digits over the domain's own entries (path and md5) in DVC's manifest.

    `data.dvc` is one pointer for all domains; this one changes only if this domain does.

    Args:
        ws: The workspace.
        domain: A known domain.
        batches: Count these batches only (and the labels that came later); by default all.

    Raises:
        LeptonError: If a batch is stored but not yet recorded by DVC.
    """
    files = [*store.choose(ws, domain, batches).values(), *store.label_files(ws, domain).values()]
    known = manifest(ws.root)
    entries = []
    for file in files:
        path = file.relative_to(ws.data_dir).as_posix()
        if path not in known:
            raise LeptonError(
                f"{path} is stored but not recorded by DVC.",
                why="An ingest was interrupted before it was done.",
                fix=[f"lepton ingest {domain} FILE  (the same file again completes it)"],
            )
        entries.append([path, known[path]])
    return digest(sorted(entries))


def data_ref(ws: Workspace, domain: str, batches: Sequence[str] | None = None) -> DataRef:
    """Return the reference to these batches of a domain (by default all) as DVC has recorded them.

    Raises:
        NotFound: If the domain has no rows, or a batch does not exist.
        LeptonError: If a batch is not recorded by DVC yet.
    """
    rows, labelled = store.counts(ws, domain, batches)
    return DataRef(
        domain=domain,
        batches=tuple(store.choose(ws, domain, batches)),
        digest=domain_digest(ws, domain, batches),
        dvc_md5=dvc_md5(ws.root),
        git_revision=git_revision(ws.root),
        rows=rows,
        labelled=labelled,
    )


def status_clean(root: Path) -> bool:
    """Return whether `data/` is exactly what `data.dvc` lists."""
    with _dvc(root, "compare the data with data.dvc") as dvc, dvc.Repo(str(root)) as repo:
        return not repo.status()


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
    """
    md5 = md5 or dvc_md5(root)
    if md5 is None:
        return {}
    entries: list[dict[str, str]] = json.loads(_object(root, md5).read_text())
    return {entry["relpath"]: entry["md5"] for entry in entries}


def git_revision(root: Path) -> str | None:
    """Return the commit that the workspace's git repository is at, if it has one."""
    return _git(root, "rev-parse", "--verify", "--quiet", "HEAD")


def is_local(remote: str) -> bool:
    """Return whether a remote is a folder of this machine."""
    return "://" not in remote


def _object(root: Path, md5: str) -> Path:
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
        fix=[f"cd {root} && dvc pull"],
    )


def _settings(root: Path, remote: str) -> str:
    # A relative path counts from `.dvc/`, so that the workspace can be moved.
    url = os.path.relpath(root / remote, root / ".dvc") if is_local(remote) and not os.path.isabs(remote) else remote
    return f"[core]\n    analytics = false\n    remote = {REMOTE}\n['remote \"{REMOTE}\"']\n    url = {url}\n"


@contextmanager
def _repo(ws: Workspace, doing: str) -> Iterator[Any]:
    """Yield DVC's repository with the remote that `lepton.yaml` names."""
    if not (ws.root / ".dvc").is_dir():
        init_versioning(ws.root, ws.config.data.remote)
    remote = ws.config.data.remote
    url = str(ws.root / remote) if is_local(remote) else remote
    config = {"core": {"remote": REMOTE, "autostage": False}, "remote": {REMOTE: {"url": url}}}
    with _dvc(ws.root, doing) as dvc, dvc.Repo(str(ws.root), config=config) as repo:
        yield repo


@contextmanager
def _dvc(root: Path, doing: str) -> Iterator[Any]:
    """Yield the module `dvc.repo`, silenced; its errors become ones that say what to do."""
    os.environ.setdefault("DVC_NO_ANALYTICS", "1")
    import dvc.repo
    from dvc.exceptions import DvcException
    from dvc.lock import LockError
    from dvc.ui import ui

    loggers = [logging.getLogger(name) for name in ("dvc", "dvc_data", "dvc_objects", "scmrepo")]
    levels = [logger.level for logger in loggers]
    enabled, ui._enabled = ui._enabled, False
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL + 1)
        yield dvc.repo
    except LockError:
        raise LeptonError(
            f"Could not {doing}: another DVC process holds the lock.",
            why=f"The lock is {root / '.dvc' / 'tmp' / 'lock'}.",
            fix=["wait for the other command to end, then repeat this one"],
        ) from None
    except (DvcException, OSError) as error:
        causes = [str(error), *([str(error.__cause__)] if error.__cause__ else [])]
        raise LeptonError(
            f"Could not {doing}.",
            why="\n".join(dict.fromkeys(line for cause in causes for line in cause.splitlines() if line)),
            fix=["see what is wrong: dvc doctor", "check data.remote in lepton.yaml, then deliver the same file again"],
        ) from None
    finally:
        ui._enabled = enabled
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _git(root: Path, *arguments: str, must: bool = False) -> str | None:
    """Run git below `root` and return what it says, None if it fails; a calling hook's GIT_ variables do not count."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    identity = ("-c", "user.name=lepton", "-c", "user.email=lepton@localhost", "-c", "commit.gpgsign=false")
    try:
        done = subprocess.run(
            ["git", *identity, "-C", str(root), *arguments], env=environ, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise LeptonError("git is not installed.", fix=["apt-get install git", "brew install git"]) from None
    if done.returncode == 0:
        return done.stdout.strip()
    if must:
        raise LeptonError(f"git {arguments[0]} failed in {root}.", why=done.stderr.strip())
    return None
