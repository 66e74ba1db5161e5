"""Rows about transfers at work: the marks of their begin and end, which are the lease of a pair."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from lepton.core.ledger.actions import TRANSFER_FINISHED, TRANSFER_STARTED, Action
from lepton.core.ledger.rows.row import SPARSE, Json, Row
from lepton.core.refs import Run


@dataclass(frozen=True)
class Mark(Row):
    """Begin or end of a transfer."""

    run: Run


@dataclass(frozen=True)
class TransferStarted(Mark):
    """A transfer holds the pair, until it ends or its process is gone."""

    action: ClassVar[Action] = TRANSFER_STARTED
    cause: str = ""
    """manual, schedule or drift."""
    host: str = ""
    pid: int = 0
    started: float = 0.0
    """When its process started, seconds since 1970: it tells the process from a later one with the same pid."""


@dataclass(frozen=True)
class TransferFinished(Mark):
    """A transfer ended, well or not."""

    action: ClassVar[Action] = TRANSFER_FINISHED
    ok: bool
    error: str | None = field(default=None, metadata=SPARSE)
    """Why it failed."""
    story: Json | None = field(default=None, metadata=SPARSE)
    """Signals, plan and every candidate, where no other row tells of it: nothing beat what serves."""
