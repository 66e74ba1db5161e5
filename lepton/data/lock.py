"""One writer of the data folder at a time; the lock goes with the process that holds it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError

LOCK_SECONDS = 60


@contextmanager
def alone(ws: Workspace) -> Iterator[None]:
    """Be the only one who ingests, erases, publishes or cleans up in a workspace.

    Raises:
        LeptonError: If somebody else has been at it for a minute.
    """
    path = ws.state_dir / "ingest.lock"
    ws.state_dir.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, timeout=LOCK_SECONDS)
    try:
        lock.acquire()
    except Timeout:
        raise LeptonError(
            f"Another ingest, or erasure, has been running here for {LOCK_SECONDS} seconds.",
            why=f"The lock is {path}.",
            fix=["wait for it to end, then repeat this command"],
        ) from None
    try:
        yield
    finally:
        lock.release()
