"""Git and DVC below a workspace, behind functions: set up, opened quietly, their errors put into words.

`dvc.repo.Repo` in process is many times faster than the command line but no promised interface, so only this room
touches it, and only through `open_dvc`.
"""

from __future__ import annotations

import logging
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError
from lepton.core.extras import require
from lepton.core.work.files import atomic_write
from lepton.core.work.lock import turn

require("dvc")

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
    fresh = run_git(root, "rev-parse", "--show-toplevel") != str(root)
    if fresh:
        run_git(root, "init", "--quiet", must=True)
    if not (root / ".dvc" / "config").exists():
        with open_dvc(root, "set up DVC") as dvc:
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
        run_git(root, "add", ".gitignore", ".dvcignore", ".dvc/config", ".dvc/.gitignore", must=True)
        run_git(root, "commit", "--quiet", "--no-verify", "-m", "Set up DVC", must=True)


def git_revision(root: Path) -> str | None:
    """Return the commit that the workspace's git repository is at, if it has one."""
    return run_git(root, "rev-parse", "--verify", "--quiet", "HEAD")


def is_local(remote: str) -> bool:
    """Return whether a remote is a folder of this machine."""
    return "://" not in remote


@contextmanager
def open_dvc(root: Path, doing: str) -> Iterator[Any]:
    """Yield the module `dvc.repo`, silenced; its errors become ones that say what to do."""
    os.environ.setdefault("DVC_NO_ANALYTICS", "1")
    with turn("dvc"), _at_home(root):
        import dvc.repo

        yield from _opened(dvc.repo, root, doing)


def _opened(vendor: Any, root: Path, doing: str) -> Iterator[Any]:
    from dvc.exceptions import DvcException
    from dvc.lock import LockError
    from dvc.ui import ui

    loggers = [logging.getLogger(name) for name in ("dvc", "dvc_data", "dvc_objects", "scmrepo")]
    levels = [logger.level for logger in loggers]
    enabled, ui._enabled = ui._enabled, False
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL + 1)
        yield vendor
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


def home_in(root: Path) -> str | None:
    """Return where to look for a person's settings if HOME names no folder, as in a container: in the workspace."""
    home = os.environ.get("HOME")
    return None if home is None or os.path.isdir(home) else str(root)


@contextmanager
def _at_home(root: Path) -> Iterator[None]:
    """Let DVC look there. It reads HOME from its process, so it is set while DVC's turn lasts, and no longer."""
    if (home := home_in(root)) is None:
        yield
        return
    before, os.environ["HOME"] = os.environ["HOME"], home
    try:
        yield
    finally:
        os.environ["HOME"] = before


@contextmanager
def open_repo(ws: Workspace, doing: str) -> Iterator[Any]:
    """Yield DVC's repository with the remote that `lepton.yaml` names."""
    remote = ws.config.data.remote
    url = str(ws.root / remote) if is_local(remote) else remote
    config = {"core": {"remote": REMOTE, "autostage": False}, "remote": {REMOTE: {"url": url}}}
    with open_dvc(ws.root, doing) as dvc, dvc.Repo(str(ws.root), config=config) as repo:
        yield repo


def run_git(root: Path, *arguments: str, must: bool = False, own_name: bool = False) -> str | None:
    """Run git below `root` and return what it says, None if it fails; a calling hook's GIT_ variables do not count.

    Args:
        root: Where.
        arguments: Git's own.
        must: Raise if it fails.
        own_name: Let the person's name and settings apply, if git knows a name.
    """
    environ = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    if home := home_in(root):
        environ["HOME"] = home
    identity: tuple[str, ...] = ("-c", "user.name=lepton", "-c", "user.email=lepton@localhost")
    identity += ("-c", "commit.gpgsign=false")
    if own_name and _has_name(root, environ):
        identity = ()
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


def _has_name(root: Path, environ: dict[str, str]) -> bool:
    asked = ("git", "-C", str(root), "config", "user.email")
    return subprocess.run(asked, env=environ, capture_output=True, check=False).returncode == 0


def _settings(root: Path, remote: str) -> str:
    # A relative path counts from `.dvc/`, so that the workspace can be moved.
    url = os.path.relpath(root / remote, root / ".dvc") if is_local(remote) and not os.path.isabs(remote) else remote
    return f"[core]\n    analytics = false\n    remote = {REMOTE}\n['remote \"{REMOTE}\"']\n    url = {url}\n"
