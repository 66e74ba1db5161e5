"""The watchdog: looks every few seconds whether the stack is well, and tells people when a part is gone or back.

It is a process of its own that needs no server: it knows the others by their pids and addresses, and its alerts go to
the file and the channels of every alert. Nothing is restarted: a part that dies again and again should be looked at.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from lepton.cli.stack.logs import shorten
from lepton.cli.stack.look import beat, look_at_jobs, look_at_parts, silent_of
from lepton.cli.stack.parts import PREFECT, services_of
from lepton.cli.stack.schedules import jobs
from lepton.core.config.addresses import Stack, read_stack
from lepton.core.config.workspace import Workspace
from lepton.core.decisions.overdue import Job
from lepton.core.decisions.vigil import Key, Lasting, consider
from lepton.core.errors import Busy, LeptonError
from lepton.core.work.lock import hold
from lepton.operations.machinery import open_keys, tell
from lepton.operations.monitor.alerts import send_waiting
from lepton.operations.runtime import InProcess
from lepton.operations.session import Session

EVERY = 5.0
"""Seconds between two looks."""
ASK_EVERY = 30.0
"""Seconds between two questions to the server, and between two attempts to send what a channel did not take."""
ACTOR = "watchdog"


@dataclass
class Vigil:
    """What a watchdog knows between two looks."""

    session: Session
    memory: dict[Key, Lasting] = field(default_factory=dict)
    open: set[Key] | None = None
    """Alerts that are out; read from the ledger at first."""
    jobs: tuple[Job, ...] = ()
    """As the server told last: while it is down, what was due goes overdue all the same."""
    silent: dict[str, str] = field(default_factory=dict)
    """Pools whose worker does not ask for work any more, as the server told last."""
    asked: float = 0.0

    def look(self, stack: Stack) -> list[str]:
        """Look once, tell what there is to tell; return its titles.

        Raises:
            LeptonError: If the ledger cannot be read or written.
        """
        ws, ledger = self.session.ws, self.session.ledger
        if self.open is None:
            self.open = open_keys(ledger)
        self._ask(stack)
        late = look_at_jobs(stack, self.jobs, ws.config.monitor.overdue_minutes)
        looks = [*look_at_parts(stack, silent=self.silent), *late]
        self.memory, words = consider(looks, self.memory, self.open, datetime.now(UTC))
        logs = {name: one.log for name, one in services_of(stack).items()}
        well = {one.subject for one in looks if one.ok}
        pages = {"Prefect": stack.prefect_url} if PREFECT in well else {}
        titles = []
        for word in words:
            # Known as told even if the record fails: people must not be told again every five seconds.
            (self.open.add if word.kind == "open" else self.open.discard)(word.look.key)
            titles.append(tell(self.session, word, logs.get(word.look.subject), pages).title)
        return titles

    def _ask(self, stack: Stack) -> None:
        """Ask the server what is scheduled and who works, every now and then; send what a channel did not take, and
        keep the logs short."""
        if time.monotonic() - self.asked < ASK_EVERY:
            return
        self.asked = time.monotonic()
        self.silent = silent_of(stack)
        with suppress(LeptonError):  # the server's silence is told by itself
            self.jobs = jobs(stack)
        shorten_logs(self.session.ws, stack)
        send_waiting(self.session, datetime.now(UTC))


def shorten_logs(ws: Workspace, stack: Stack) -> None:
    """Cut off logs of the stack that have grown too long; not while `lepton up` is at them, or the disk is full."""
    with suppress(Busy, OSError), hold(ws.state_dir / "locks" / "stack.lock", seconds=0):
        for service in services_of(stack).values():
            if service.log:
                shorten(Path(service.log))


def watch(
    ws: Workspace,
    *,
    every: float = EVERY,
    say: Callable[[str], None] = lambda _: None,
    asleep: Callable[[float], object] = time.sleep,
) -> None:
    """Look after the stack of a workspace until it is taken down.

    Args:
        ws: The workspace.
        every: Seconds between two looks.
        say: Told what people are told, and what kept a look from being one.
        asleep: Waits; to be ended by what it raises.

    Raises:
        Busy: If another watchdog is at it.
        LeptonError: If no stack was started.
    """
    if read_stack(ws) is None:
        raise LeptonError("There is no stack to look after.", fix=["lepton up"])
    busy = Busy("Another watchdog looks after this stack already.", fix=["lepton status"])
    with hold(ws.state_dir / "locks" / "watchdog.lock", seconds=every, busy=busy):
        vigil = Vigil(_session(ws))
        while (stack := read_stack(ws)) is not None:
            try:
                vigil.session = _session(ws)  # lepton.yaml may have changed
                for title in vigil.look(stack):
                    say(title)
            except Exception as error:  # whatever is broken, the next look may be possible
                say(error.render() if isinstance(error, LeptonError) else traceback.format_exc())
            beat(ws)
            asleep(every)
    say("the stack was taken down")


def _session(ws: Workspace) -> Session:
    return Session(Workspace(ws.root), InProcess(actor=ACTOR))


def to_log(text: str) -> None:
    """Write a line with the time to standard error, which is the watchdog's log."""
    sys.stderr.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {text}\n")
    sys.stderr.flush()
