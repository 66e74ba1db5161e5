"""Background processes: each in its own session, known again by pid and start time, ended with its children."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from lepton.core.errors import LeptonError

GRACE_SECONDS = 8.0
"""How long a process may take to end when asked nicely."""


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
            same = abs(process.create_time() - self.started) < 2.0
            return same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return asdict(self)


def start(
    name: str, command: list[str], *, environ: dict[str, str], log: Path, cwd: Path, url: str | None = None
) -> Service:
    """Start `command` in a session of its own; its output goes to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
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
    """End these services and everything they started; return the names of those that ran."""
    running = [service for service in services if service.alive()]
    family = [member for service in running for member in _family(service.pid)]
    for service in running:
        _signal_group(service.pid, signal.SIGTERM)
    _, left = psutil.wait_procs(family, timeout=GRACE_SECONDS)
    for process in left:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(left, timeout=GRACE_SECONDS)
    return [service.name for service in running]


def _family(pid: int) -> list[psutil.Process]:
    """Return the process and all its descendants, so that none is left when the parent goes first."""
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _signal_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return


def free_port(wanted: int | None = None, *, what: str = "the server", flag: str = "--port") -> int:
    """Return `wanted` if it is free on loopback, or any free port if none is wanted.

    Raises:
        LeptonError: If the wanted port is taken.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted or 0))
        except (OSError, OverflowError) as error:
            raise LeptonError(
                f"Port {wanted} for {what} cannot be used.",
                why=str(error),
                fix=[f"leave {flag} out: a free port is chosen", "lepton down  (if an older stack holds it)"],
            ) from None
        return int(probe.getsockname()[1])


def wait_until_answering(service: Service, path: str, seconds: float) -> None:
    """Wait until `service.url + path` answers 200.

    Raises:
        LeptonError: If the process ends or the time runs out; shows the end of its log.
    """
    import urllib.error
    import urllib.request

    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not service.alive():
            raise LeptonError(
                f"{service.name} ended while it was starting.", why=_tail(service.log), fix=["lepton doctor"]
            )
        try:
            with urllib.request.urlopen(f"{service.url}{path}", timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise LeptonError(
        f"{service.name} did not answer within {seconds:.0f} s.",
        why=_tail(service.log),
        fix=["lepton down && lepton up"],
    )


def _tail(log: str, lines: int = 8) -> str:
    try:
        text = Path(log).read_text(errors="replace").splitlines()[-lines:]
    except OSError:
        return ""
    return "\n".join([f"The end of {log}:", *text])
