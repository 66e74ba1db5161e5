"""What a process has only once: threads that want the same of it take turns.

Torch has one random state and one number of threads; Alembic, Great Expectations, DVC and MLflow keep the thing at work
in a module. Two workspaces at work in two threads meet there, and nowhere else.
"""

from __future__ import annotations

import threading
from typing import Literal

Shared = Literal["torch", "alembic", "great expectations", "dvc", "mlflow"]

_LOCKS: dict[Shared, threading.RLock] = {
    "torch": threading.RLock(),
    "alembic": threading.RLock(),
    "great expectations": threading.RLock(),
    "dvc": threading.RLock(),
    "mlflow": threading.RLock(),
}


def turn(what: Shared) -> threading.RLock:
    """Return the lock of one of them, to be held in a `with`; whoever holds it may take it again."""
    return _LOCKS[what]
