"""Background processes: each in its own session, known again by pid and start time, ended with its children."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

import psutil

from lepton.cli.stack.logs import rotate, tail
from lepton.core.errors import LeptonError

GRACE_SECONDS = 8.0
"""How long a process may take to end when asked nicely."""
SAME_START = 2.0
"""Seconds by which two readings of a process's start time may differ."""


@dataclass(frozen=True)
class Service:
    """One process of the stack. Its pid alone would not do: pids are used again."""

    name: str
    pid: int
    started: float
    """Start time of the process, seconds since the epoch."""
    url: str | None = None
    log: str = ""

    def alive(self) -> bool:
        """Return whether this very process still runs."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < SAME_START
            return same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return asdict(self)


def start(
    name: str, command: list[str], *, environ: dict[str, str], log: Path, cwd: Path, url: str | None = None
) -> Service:
    """Start `command` in a session of its own; its output goes to `log`, what stood there before to `NAME.1.log`."""
    rotate(log)
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=environ,
            start_new_session=True,
        )
    return Service(name, process.pid, psutil.Process(process.pid).create_time(), url, str(log))


def stop(services: Iterable[Service]) -> list[str]:
    """End these services and everything they started; return the names of those that ran.

    What one that was killed left behind in its session is ended, too: such a child may still hold the port.
    """
    services = list(services)
    running = [service for service in services if service.alive()]
    family = [member for service in services for member in _family(service)]
    for service in running:
        _signal_group(service.pid, signal.SIGTERM)
    for orphan in (member for service in services if service not in running for member in _session_of(service)):
        with suppress(psutil.NoSuchProcess):
            orphan.terminate()
    _, left = psutil.wait_procs(family, timeout=GRACE_SECONDS)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, timeout=GRACE_SECONDS)
    return [service.name for service in running]


def _family(service: Service) -> list[psutil.Process]:
    """Return the process, all its descendants and its session, so that none is left when the parent goes first."""
    found = {member.pid: member for member in _session_of(service)}
    if service.alive():
        with suppress(psutil.NoSuchProcess):
            parent = psutil.Process(service.pid)
            found |= {member.pid: member for member in (parent, *parent.children(recursive=True))}
    return list(found.values())


def _session_of(service: Service) -> list[psutil.Process]:
    """Return the processes of the session that the service began; the system gives its number to nobody else."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):
            ours = os.getsid(process.pid) == service.pid and process.create_time() > service.started - SAME_START
            if ours:
                found.append(process)
    return found


def _signal_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return


def wait_until_answering(service: Service, path: str, seconds: float) -> None:
    """Wait until `service.url + path` answers 200.

    Raises:
        LeptonError: If the process ends or the time runs out; shows the end of its log.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not service.alive():
            raise LeptonError(
                f"{service.name} ended while it was starting.", why=tail(service.log), fix=["lepton doctor"]
            )
        if service.url is not None and answers(f"{service.url}{path}", 2):
            return
        time.sleep(0.2)
    raise LeptonError(
        f"{service.name} did not answer within {seconds:.0f} s.",
        why=tail(service.log),
        fix=["lepton down && lepton up"],
    )


def answers(url: str, seconds: float) -> bool:
    """Return whether an address answers 200 within some seconds."""
    try:
        with urllib.request.urlopen(url, timeout=seconds) as answer:
            return int(answer.status) == 200
    except (OSError, HTTPException, ValueError):  # refused, silent, or not HTTP at all
        return False
