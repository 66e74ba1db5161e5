"""DVC's objects one by one: those of the cache and of the remote, listed with their age, read, fetched and removed.

DVC's own `gc` and `pull` only know what lies in the workspace and in git; the ledger refers to states that neither has.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError, NotFound
from lepton.core.work.files import atomic_write
from lepton.data.repository import is_local, open_repo

DIRECTORY = ".dir"
"""How the md5 of a list of files ends."""


@dataclass(frozen=True)
class Stored:
    """An object as a place holds it."""

    size: int
    written: float
    """Seconds since 1970; infinity where the place does not say."""


class Objects(Protocol):
    """A place that holds objects by their md5."""

    name: str
    """For people."""

    def all(self) -> dict[str, Stored]:
        """Return md5 -> what is known of the object."""

    def read(self, md5: str) -> bytes:
        """Return the bytes of an object that is there."""

    def remove(self, md5s: Iterable[str]) -> None:
        """Remove objects; one that is gone already does no harm."""


class Cache:
    """DVC's cache in the workspace."""

    name = "cache"

    def __init__(self, root: Path) -> None:
        self.folder = root / ".dvc" / "cache" / "files" / "md5"

    def path(self, md5: str) -> Path:
        """Return where an object lies, or would lie."""
        return self.folder / md5[:2] / md5[2:]

    def all(self) -> dict[str, Stored]:
        """See `Objects`."""
        files = self.folder.glob("[0-9a-f][0-9a-f]/*")
        seen = [(path.parent.name + path.name, path.stat()) for path in files if path.is_file()]
        return {md5: Stored(stat.st_size, stat.st_mtime) for md5, stat in seen}

    def read(self, md5: str) -> bytes:
        """See `Objects`."""
        return self.path(md5).read_bytes()

    def remove(self, md5s: Iterable[str]) -> None:
        """See `Objects`."""
        for md5 in md5s:
            self.path(md5).unlink(missing_ok=True)


class Remote:
    """The remote that `lepton.yaml` names, whatever it is, through DVC's file system."""

    name = "remote"

    def __init__(self, odb: Any) -> None:
        self.odb = odb

    def all(self) -> dict[str, Stored]:
        """See `Objects`."""
        if not self.odb.fs.exists(self.odb.path):
            return {}
        return {
            md5: Stored(int(self.odb.fs.size(self.odb.oid_to_path(md5))), self._written(md5)) for md5 in self.odb.all()
        }

    def read(self, md5: str) -> bytes:
        """See `Objects`."""
        return bytes(self.odb.fs.cat_file(self.odb.oid_to_path(md5)))

    def remove(self, md5s: Iterable[str]) -> None:
        """See `Objects`."""
        from dvc_data.hashfile.db import get_index

        # DVC remembers what it once pushed, and would not push it again.
        get_index(self.odb).clear()
        for md5 in md5s:
            path = self.odb.oid_to_path(md5)
            if self.odb.fs.exists(path):
                self.odb.fs.remove(path)

    def _written(self, md5: str) -> float:
        try:
            return float(self.odb.fs.fs.modified(self.odb.oid_to_path(md5)).timestamp())
        except (NotImplementedError, AttributeError, KeyError):
            return float("inf")


@contextmanager
def remote(ws: Workspace, doing: str) -> Iterator[Remote]:
    """Yield the remote.

    Raises:
        LeptonError: If it is a folder that is not there, or cannot be reached.
    """
    url = ws.config.data.remote
    if is_local(url) and not (ws.root / url).is_dir():
        raise LeptonError(
            f"Could not {doing}: the DVC remote is missing.",
            why=f"There is no folder {ws.root / url} (lepton.yaml, data.remote: {url}).",
            fix=["bring the folder back", "mend data.remote in lepton.yaml"],
        )
    with open_repo(ws, doing) as repo:
        yield Remote(repo.cloud.get_remote_odb(None, "gc"))


def bring(ws: Workspace, md5s: Iterable[str]) -> None:
    """Fetch what the cache lacks, or holds damaged, from the remote.

    Raises:
        NotFound: If the remote lacks it, too.
        LeptonError: If the remote cannot be reached.
    """
    cache = Cache(ws.root)
    missing = [md5 for md5 in dict.fromkeys(md5s) if not _whole(cache, md5)]
    if not missing:
        return
    with remote(ws, "fetch the data") as there:
        for md5 in missing:
            try:
                content = there.read(md5)
            except FileNotFoundError:
                content = b""
            if not is_whole(md5, content):
                raise NotFound(
                    "A version of the data that is referred to is gone.",
                    why=f"Neither DVC's cache nor the remote {ws.config.data.remote} has a whole object {md5}.",
                    fix=["lepton data log DOMAIN  (were rows of it erased?)", "restore the remote from a backup"],
                )
            atomic_write(cache.path(md5), content)


def _whole(cache: Cache, md5: str) -> bool:
    try:
        return is_whole(md5, cache.read(md5))
    except OSError:
        return False


def is_whole(md5: str, content: bytes) -> bool:
    """Return whether these are the bytes of an object."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest() == md5.removesuffix(DIRECTORY)
