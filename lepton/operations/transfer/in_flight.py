"""One transfer a pair at a time, whoever asks: a lease written into the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lepton.core.errors import Busy, LeptonError
from lepton.core.ledger.rows import TransferFinished
from lepton.core.work.faults import reached
from lepton.core.work.lease import MARKS, begin, holds, last_mark
from lepton.core.work.lock import alone
from lepton.operations.session import Session

if TYPE_CHECKING:
    from lepton.operations.transfer.stories import Story


@dataclass
class End:
    """What goes on record with a good end."""

    story: Story | None = None
    """Of a transfer that no row of its own tells of."""


@contextmanager
def in_flight(session: Session, pair_name: str, cause: str) -> Iterator[End]:
    """Hold the pair while the block runs; its end is recorded whichever way it comes.

    Raises:
        Busy: If another transfer of the pair is running.
    """
    ledger, run = session.ledger, session.runtime.run
    last = last_mark(ledger, pair_name)
    if last is not None and holds(last, datetime.now(UTC)):
        raise Busy(
            f"A transfer of {pair_name} is running already.",
            why=f"Started {last.time[:19]} UTC by {last.actor} (run {last.row.run.id}).",
            fix=["wait for it: lepton status"],
        )
    expected = last.seq if last else 0
    with alone(session.ws, "transfer", pair_name):
        ledger.record(session.actor, pair_name, begin(run, cause), expect_seq=expected, expect_of=MARKS)
        reached("transfer.started")
        end = End()
        try:
            yield end
        except BaseException as error:
            # The error matters more than its record: a ledger on a full disk must not hide that the disk is full.
            with suppress(LeptonError):
                ledger.record(session.actor, pair_name, TransferFinished(run, ok=False, error=_short(error)))
            raise
        story = None if end.story is None else end.story.to_json()
        ledger.record(session.actor, pair_name, TransferFinished(run, ok=True, story=story))
        reached("transfer.finished")


def _short(error: BaseException) -> str:
    return error.what if isinstance(error, LeptonError) else f"{type(error).__name__}: {error}"[:400]
