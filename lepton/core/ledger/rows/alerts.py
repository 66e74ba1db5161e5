"""Rows about alerts: what was sent of each and where to, who looks after it, and until when it is held back."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from lepton.core.config.alerts import Severity
from lepton.core.decisions.memory import Kind
from lepton.core.ledger.actions import ACKNOWLEDGED, ALERTED, SNOOZED, Action
from lepton.core.ledger.rows.row import SPARSE, Part, Row


@dataclass(frozen=True)
class Channel(Part):
    """What became of an alert on one channel."""

    channel: str
    ok: bool
    detail: str = ""


@dataclass(frozen=True)
class Alerted(Row):
    """An alert was opened, updated or ended."""

    action: ClassVar[Action] = ALERTED
    kind: Kind
    title: str
    cause: str = "drift"
    """drift or contract: a pair has one open alert a cause."""
    severity: Severity = "critical"
    channels: tuple[Channel, ...] = ()
    held: str | None = field(default=None, metadata=SPARSE)
    """Why it was not sent: snoozed or throttled."""


@dataclass(frozen=True)
class Acknowledged(Row):
    """A person looks after open alerts."""

    action: ClassVar[Action] = ACKNOWLEDGED
    causes: tuple[str, ...]
    why: str = ""


@dataclass(frozen=True)
class Snoozed(Row):
    """Updates of open alerts are held back for a while; their end is told in any case."""

    action: ClassVar[Action] = SNOOZED
    causes: tuple[str, ...]
    until: datetime
    why: str = ""
