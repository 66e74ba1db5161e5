"""A lease: what tells a transfer that is running from one that was killed and never said it had ended."""

from __future__ import annotations

import os
import socket
from datetime import datetime, timedelta
from typing import Any

import psutil

from lepton.core.ledger import Action, Entry, Ledger
from lepton.core.ledger.rows import Mark, TransferStarted, actions_of
from lepton.core.refs import Run

LEASE = timedelta(hours=2)
"""After this long a transfer on another machine that never said it was finished no longer counts as running."""
MARKS: tuple[Action, ...] = actions_of(Mark)
SAME_START = 2.0
"""Seconds by which two readings of a process's start time may differ."""


def this_process() -> dict[str, Any]:
    """Return what tells this process from any other, later ones with its pid included."""
    pid = os.getpid()
    return {"host": socket.gethostname(), "pid": pid, "started": psutil.Process(pid).create_time()}


def begin(run: Run, cause: str) -> TransferStarted:
    """Return the mark that this process begins a transfer."""
    return TransferStarted(run, cause, **this_process())


def last_mark(ledger: Ledger, pair_name: str) -> Entry[Mark] | None:
    """Return the newest row that says a transfer of the pair started or finished."""
    return ledger.last_row(pair_name, Mark)


def holds(mark: Entry | None, now: datetime) -> bool:
    """Return whether a transfer is running by its last mark: not finished, not too old, its process not gone."""
    begun = mark.of(TransferStarted) if mark is not None else None
    if mark is None or begun is None:
        return False
    if begun.host != socket.gethostname():
        return now - mark.at <= LEASE
    try:
        process = psutil.Process(begun.pid)
        if process.status() == psutil.STATUS_ZOMBIE:  # killed, and its parent has not looked yet
            return False
        return abs(process.create_time() - begun.started) < SAME_START
    except psutil.Error:
        return False


def running_transfer(ledger: Ledger, pair_name: str, now: datetime) -> str | None:
    """Return the run id of the transfer of a pair that is running now, if any."""
    mark = last_mark(ledger, pair_name)
    return mark.row.run.id if mark is not None and holds(mark, now) else None
