"""A look at the stack: which of its parts are well. It asks the processes themselves and the servers over HTTP."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lepton.cli.stack.parts import HEALTH, NAMES, POOLS, PREFECT, WATCHDOG, WORKERS, services_of
from lepton.cli.stack.processes import answers
from lepton.cli.stack.schedules import jobs, silent_workers, started
from lepton.core.config.addresses import Stack
from lepton.core.config.workspace import Workspace
from lepton.core.decisions.overdue import Job, look_at
from lepton.core.decisions.vigil import Look
from lepton.core.errors import LeptonError

SILENT_SECONDS = 120.0
"""After so long without a look the watchdog counts as dead."""


BEGINNING = 60.0
"""Seconds within which a worker tells a server of itself after either was started: a beat comes every thirty."""


def silent_of(stack: Stack, seconds: float = 5) -> dict[str, str]:
    """Return the pools whose worker runs and does not ask for work any more, each with since when.

    What a server says of a worker that has just been started, or says just after its own start, is old.

    Args:
        stack: As it was started.
        seconds: The server may take for each answer; where it does not answer, nothing is known of its workers.
    """
    services, now = services_of(stack), time.time()

    def settled(name: str) -> bool:
        return name in services and now - services[name].started > BEGINNING

    asked = [pool for pool in POOLS if settled(WORKERS[pool])] if settled(PREFECT) else []
    with suppress(LeptonError):
        return silent_workers(stack, asked, seconds)
    return {}


def look_at_parts(stack: Stack, seconds: float = 5, silent: Mapping[str, str] | None = None) -> list[Look]:
    """Return how the servers and the workers are.

    Args:
        stack: As it was started.
        seconds: A server may take to answer.
        silent: Pools whose worker does not ask the server for work any more, each with since when.
    """
    mute = {WORKERS[pool]: since for pool, since in (silent or {}).items()}
    services, looks = services_of(stack), list[Look]()
    for name in NAMES:
        if name == WATCHDOG:
            continue
        service = services.get(name)
        if service is None or not service.alive():
            ended = f"its process {service.pid} has ended" if service else "it was not started"
            looks.append(Look(name, "gone", False, ended, sure=True))
        elif name in HEALTH and not answers(f"{service.url}{HEALTH[name]}", seconds):
            looks.append(Look(name, "gone", False, f"process {service.pid} runs, but {service.url} does not answer"))
        elif name in mute:
            told = f"process {service.pid} runs, but has not asked the server for work since {mute[name]}"
            looks.append(Look(name, "gone", False, told))
        else:
            looks.append(Look(name, "gone", True))
    return looks


def look_at_jobs(stack: Stack, found: tuple[Job, ...], grace_minutes: float) -> list[Look]:
    """Return whether scheduled work is late or failed, by what the server said last."""
    now, since = datetime.now(UTC), datetime.fromtimestamp(started(stack), UTC)
    grace = timedelta(minutes=grace_minutes)
    return [look for job in found for look in look_at(job, now, grace, since)]


def jobs_of(stack: Stack | None, seconds: float = 3) -> tuple[Job, ...]:
    """Return the scheduled jobs; none if the server does not say."""
    with suppress(LeptonError):
        return jobs(stack, seconds) if stack else ()
    return ()


def beat(ws: Workspace) -> None:
    """Leave a sign that the watchdog has looked."""
    file = _beats(ws)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()


def watched(ws: Workspace, stack: Stack) -> str:
    """Return in words that the stack is watched.

    Raises:
        LeptonError: If the watchdog has ended, or has not looked for a while: nobody would tell if something went.
    """
    dog = services_of(stack).get(WATCHDOG)
    if dog is None or not dog.alive():
        raise LeptonError(
            "The watchdog has ended: nobody is told if a part of the stack goes.",
            why=f"Its log is {dog.log}." if dog else "",
            fix=["lepton up"],
        )
    try:
        looked = max(_beats(ws).stat().st_mtime, dog.started)
    except OSError:
        looked = dog.started
    if (silent := time.time() - looked) > SILENT_SECONDS:
        raise LeptonError(
            f"The watchdog has not looked at the stack for {silent:.0f} s: nobody is told if a part of it goes.",
            why=f"Its process {dog.pid} runs; its log is {dog.log}.",
            fix=["lepton up"],
        )
    return "looks after it"


def _beats(ws: Workspace) -> Path:
    return ws.state_dir / "watchdog.beat"
