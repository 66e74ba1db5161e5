"""One transfer a pair at a time, whoever asks: a lease written into the ledger."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil

from flows.steps import actor, open_ledger
from lepton.core.errors import Conflict
from lepton.core.ledger import Entry, Ledger
from lepton.core.workspace import Workspace

LEASE = timedelta(hours=2)
"""After this long a transfer that never said it was finished no longer counts as running."""


@contextmanager
def in_flight(ws: Workspace, pair_name: str, run: dict[str, Any], cause: str) -> Iterator[None]:
    """Hold the pair while the block runs; its end is recorded whichever way it comes.

    Raises:
        Conflict: If another transfer of the pair is running.
    """
    ledger = open_ledger(ws)
    last = ledger.last(pair_name, ["transfer_started", "transfer_finished"])
    if last is not None and _runs(last):
        raise Conflict(
            f"A transfer of {pair_name} is running already.",
            why=f"Started {last.time[:19]} UTC by {last.actor} (run {last.payload['run']['id']}).",
            fix=["wait for it: lepton status"],
        )
    lease = {"run": run, "cause": cause, "pid": os.getpid(), "host": socket.gethostname()}
    ledger.append(
        actor(),
        pair_name,
        "transfer_started",
        lease,
        expect_seq=last.seq if last else 0,
        expect_of=["transfer_started", "transfer_finished"],
    )
    try:
        yield
    except BaseException as error:
        ledger.append(actor(), pair_name, "transfer_finished", {"run": run, "ok": False, "error": _short(error)})
        raise
    ledger.append(actor(), pair_name, "transfer_finished", {"run": run, "ok": True})


def running_transfer(ledger: Ledger, pair_name: str) -> str | None:
    """Return the run id of the transfer that is running now for a pair, if any."""
    last = ledger.last(pair_name, ["transfer_started", "transfer_finished"])
    return str(last.payload["run"]["id"]) if last is not None and _runs(last) else None


def _runs(entry: Entry) -> bool:
    """Return whether a lease still holds: not finished, not too old, and its process not gone."""
    if entry.action != "transfer_started" or datetime.now(UTC) - entry.at > LEASE:
        return False
    here = entry.payload["host"] == socket.gethostname()
    return not here or psutil.pid_exists(int(entry.payload["pid"]))


def _short(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:400]
