"""One transfer a pair at a time, whoever asks: a lease written into the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from lepton.core.errors import Conflict, LeptonError
from lepton.core.work.faults import reached
from lepton.core.work.lease import MARKS, holds, last_mark, this_process
from lepton.core.work.resume import alone
from lepton.operations.session import Session


@contextmanager
def in_flight(session: Session, pair_name: str, cause: str) -> Iterator[dict[str, Any]]:
    """Hold the pair while the block runs; its end is recorded whichever way it comes.

    What the block puts into the object it is given goes on record with a good end.

    Raises:
        Conflict: If another transfer of the pair is running.
    """
    ledger, run = session.ledger, session.runtime.run.to_json()
    last = last_mark(ledger, pair_name)
    if last is not None and holds(last, datetime.now(UTC)):
        raise Conflict(
            f"A transfer of {pair_name} is running already.",
            why=f"Started {last.time[:19]} UTC by {last.actor} (run {last.payload['run']['id']}).",
            fix=["wait for it: lepton status"],
        )
    started = {"run": run, "cause": cause, **this_process()}
    expected = last.seq if last else 0
    with alone(session.ws, "transfer", pair_name):
        ledger.append(session.actor, pair_name, "transfer_started", started, expect_seq=expected, expect_of=MARKS)
        reached("transfer.started")
        end: dict[str, Any] = {}
        try:
            yield end
        except BaseException as error:
            # The error matters more than its record: a ledger on a full disk must not hide that the disk is full.
            with suppress(LeptonError):
                ledger.append(
                    session.actor, pair_name, "transfer_finished", {"run": run, "ok": False, "error": _short(error)}
                )
            raise
        ledger.append(session.actor, pair_name, "transfer_finished", {"run": run, "ok": True, **end})
        reached("transfer.finished")


def _short(error: BaseException) -> str:
    return error.what if isinstance(error, LeptonError) else f"{type(error).__name__}: {error}"[:400]
