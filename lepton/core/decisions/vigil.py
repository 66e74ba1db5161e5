"""When people are told that a part of the machinery is gone, and that it is back. No clock, no I/O.

One look proves little: a busy machine answers late, and `lepton up` replaces what it mends. So a look must hold for
some seconds before anything is told, and the other way round as well.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

ENDED = timedelta(seconds=8)
"""How long a process that has ended is waited for: `up` may be at it."""
SILENT = timedelta(seconds=45)
"""How long something that runs may keep silent on a busy machine."""
BACK = timedelta(seconds=8)
"""How long something must be well again before that is told."""

Cause = Literal["gone", "overdue", "failed"]
Key = tuple[str, Cause]
"""What is looked at, and in which respect: a subject has at most one open alert a cause."""


@dataclass(frozen=True)
class Look:
    """What one look at a part of the machinery showed."""

    subject: str
    """`prefect server`, `worker cpu`, `monitor`..."""
    cause: Cause
    """What would be told: it is gone, it should have started, it failed."""
    ok: bool
    why: str = ""
    """What is wrong, in words."""
    sure: bool = False
    """Whether there is no doubt: its process has ended."""

    @property
    def key(self) -> Key:
        """Which alert it is about."""
        return self.subject, self.cause


@dataclass(frozen=True)
class Lasting:
    """How a part has looked, and since when without a change."""

    ok: bool
    since: datetime


@dataclass(frozen=True)
class Word:
    """Something to tell."""

    kind: Literal["open", "resolve"]
    look: Look
    since: datetime
    """Since when it is as it is."""


Memory = Mapping[Key, Lasting]


def consider(
    looks: Sequence[Look], memory: Memory, open_ones: Collection[Key], now: datetime
) -> tuple[dict[Key, Lasting], list[Word]]:
    """Return what to remember, and what to tell now.

    Args:
        looks: At everything that could be looked at; what could not be stays as it was.
        memory: As of the look before; nothing at first.
        open_ones: The alerts that are open: the ledger knows them, so a watchdog that was killed goes on.
        now: When it was looked.
    """
    after, words = dict(memory), list[Word]()
    for look in looks:
        before = memory.get(look.key)
        lasting = before if before is not None and before.ok == look.ok else Lasting(look.ok, now)
        after[look.key] = lasting
        held = now - lasting.since
        if not look.ok and look.key not in open_ones and held >= (ENDED if look.sure else SILENT):
            words.append(Word("open", look, lasting.since))
        elif look.ok and look.key in open_ones and held >= BACK:
            words.append(Word("resolve", look, lasting.since))
    return after, words
