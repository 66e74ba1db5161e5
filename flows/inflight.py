"""One transfer a pair at a time, whoever asks: a lease written into the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from flows.resume import alone
from flows.steps import actor, open_ledger
from lepton.core.errors import Conflict, LeptonError
from lepton.core.faults import reached
from lepton.core.lease import MARKS, holds, last_mark, this_process
from lepton.core.workspace import Workspace


@contextmanager
def in_flight(ws: Workspace, pair_name: str, run: dict[str, Any], cause: str) -> Iterator[dict[str, Any]]:
    """Hold the pair while the block runs; its end is recorded whichever way it comes.

    What the block puts into the object it is given goes on record with a good end.

    Raises:
        Conflict: If another transfer of the pair is running.
    """
    ledger = open_ledger(ws)
    last = last_mark(ledger, pair_name)
    if last is not None and holds(last, datetime.now(UTC)):
        raise Conflict(
            f"A transfer of {pair_name} is running already.",
            why=f"Started {last.time[:19]} UTC by {last.actor} (run {last.payload['run']['id']}).",
            fix=["wait for it: lepton status"],
        )
    started = {"run": run, "cause": cause, **this_process()}
    expected = last.seq if last else 0
    with alone(ws, "transfer", pair_name):
        ledger.append(actor(), pair_name, "transfer_started", started, expect_seq=expected, expect_of=MARKS)
        reached("transfer.started")
        end: dict[str, Any] = {}
        try:
            yield end
        except BaseException as error:
            # The error matters more than its record: a ledger on a full disk must not hide that the disk is full.
            with suppress(LeptonError):
                ledger.append(
                    actor(), pair_name, "transfer_finished", {"run": run, "ok": False, "error": _short(error)}
                )
            raise
        ledger.append(actor(), pair_name, "transfer_finished", {"run": run, "ok": True, **end})
        reached("transfer.finished")


def _short(error: BaseException) -> str:
    return error.what if isinstance(error, LeptonError) else f"{type(error).__name__}: {error}"[:400]
