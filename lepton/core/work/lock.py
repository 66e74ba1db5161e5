"""Locks between the processes of one machine, and between the threads of one process.

The system frees the lock of a process when its holder dies, however that happens. The file of a lock stays where it is:
were it removed, two processes could hold two files of one name.

Threads meet where a process has something only once: torch has one random state and one number of threads; Alembic,
Great Expectations, DVC and MLflow keep the thing at work in a module. Two workspaces at work in two threads take turns
there.
"""

from __future__ import annotations

import fcntl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from lepton.core.config.workspace import Workspace
from lepton.core.errors import Busy, LeptonError

DATA_SECONDS = 60.0
"""So long a command waits for another one that changes the data."""
_PAUSE = 0.05
"""Seconds between two attempts."""

Shared = Literal["torch", "alembic", "great expectations", "dvc", "mlflow"]

_LOCKS: dict[Shared, threading.RLock] = {
    "torch": threading.RLock(),
    "alembic": threading.RLock(),
    "great expectations": threading.RLock(),
    "dvc": threading.RLock(),
    "mlflow": threading.RLock(),
}


@contextmanager
def hold(
    path: Path, *, shared: bool = False, seconds: float | None = None, busy: LeptonError | None = None
) -> Iterator[None]:
    """Hold the lock on a file for the block.

    It is held once: the same process asking for it again within the block waits for itself.

    Args:
        path: Made, with its folder, if it is not there; nothing is written to it.
        shared: Let others hold it, too, who ask for it shared.
        seconds: How long to wait for whoever holds it; by default for ever.
        busy: Raised when the wait is over; by default an error that names the file.

    Raises:
        LeptonError: `busy`; `Busy` by default.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as stream:
        if not _acquired(stream.fileno(), fcntl.LOCK_SH if shared else fcntl.LOCK_EX, seconds):
            raise busy or Busy(f"Somebody else holds {path}.", fix=["wait for them to end, then repeat this"])
        yield  # closing the file frees the lock


@contextmanager
def alone(ws: Workspace, verb: str, slot: str) -> Iterator[None]:
    """Be the only process of this machine that does `verb` on `slot`.

    Raises:
        Busy: At once, if another one is at it.
    """
    path = ws.state_dir / "locks" / f"{verb}-{slot}.lock"
    busy = Busy(
        f"Another {verb} of {slot} is running already.",
        why=f"It holds {path}.",
        fix=["wait for it to end: lepton status"],
    )
    with hold(path, seconds=0, busy=busy):
        yield


@contextmanager
def alone_with_data(ws: Workspace) -> Iterator[None]:
    """Be the only one who ingests, erases, publishes or cleans up in a workspace.

    Raises:
        LeptonError: If somebody else has been at it for a minute.
    """
    path = ws.state_dir / "ingest.lock"
    busy = LeptonError(
        f"Another ingest, or erasure, has been running here for {DATA_SECONDS:g} seconds.",
        why=f"The lock is {path}.",
        fix=["wait for it to end, then repeat this command"],
    )
    with hold(path, seconds=DATA_SECONDS, busy=busy):
        yield


def _acquired(file: int, how: int, seconds: float | None) -> bool:
    """Return whether a lock was had in time."""
    if seconds is None:
        fcntl.flock(file, how)
        return True
    end = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(file, how | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            time.sleep(_PAUSE)
        else:
            return True


def turn(what: Shared) -> threading.RLock:
    """Return the lock of one of them, to be held in a `with`; whoever holds it may take it again."""
    return _LOCKS[what]
