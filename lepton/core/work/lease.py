"""A lease: what tells a transfer that is running from one that was killed and never said it had ended."""

from __future__ import annotations

import os
import socket
from datetime import datetime, timedelta
from typing import Any

import psutil

from lepton.core.ledger import Action, Entry, Ledger

LEASE = timedelta(hours=2)
"""After this long a transfer on another machine that never said it was finished no longer counts as running."""
MARKS: tuple[Action, ...] = ("transfer_started", "transfer_finished")
SAME_START = 2.0
"""Seconds by which two readings of a process's start time may differ."""


def this_process() -> dict[str, Any]:
    """Return what tells this process from any other, later ones with its pid included."""
    pid = os.getpid()
    return {"host": socket.gethostname(), "pid": pid, "started": psutil.Process(pid).create_time()}


def last_mark(ledger: Ledger, pair_name: str) -> Entry | None:
    """Return the newest row that says a transfer of the pair started or finished."""
    return ledger.last(pair_name, MARKS)


def holds(mark: Entry | None, now: datetime) -> bool:
    """Return whether a transfer is running by its last mark: not finished, not too old, its process not gone."""
    if mark is None or mark.action != "transfer_started":
        return False
    if mark.payload["host"] != socket.gethostname():
        return now - mark.at <= LEASE
    try:
        process = psutil.Process(int(mark.payload["pid"]))
        if process.status() == psutil.STATUS_ZOMBIE:  # killed, and its parent has not looked yet
            return False
        return abs(process.create_time() - float(mark.payload["started"])) < SAME_START
    except psutil.Error:
        return False


def running_transfer(ledger: Ledger, pair_name: str, now: datetime) -> str | None:
    """Return the run id of the transfer of a pair that is running now, if any."""
    mark = last_mark(ledger, pair_name)
    return str(mark.payload["run"]["id"]) if mark is not None and holds(mark, now) else None
