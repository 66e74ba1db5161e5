"""What the stack's server does by the clock: asked over HTTP, for Prefect takes a second to import."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lepton.core.config.addresses import Stack
from lepton.core.decisions.overdue import Job
from lepton.core.errors import LeptonError

SETTLING_SECONDS = 120.0
"""The scheduler of Prefect looks for what is new every five seconds, and at everything once a minute."""
JOBS = ("monitor", "retrain")
"""The deployments that have a schedule."""
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
NOT_FAILED = ("COMPLETED", "CANCELLED")


@dataclass(frozen=True)
class Plan:
    """What a server will start by itself."""

    schedules: int
    """Active ones of all deployments."""
    runs: int
    """Planned flow runs."""


def plan(stack: Stack) -> Plan:
    """Return what the stack's server has planned.

    Raises:
        LeptonError: If it does not answer.
    """
    deployments = _ask(stack, "deployments/filter", {})
    runs = _ask(stack, "flow_runs/count", {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}})
    return Plan(sum(map(_active, deployments)), int(runs))


def jobs(stack: Stack, seconds: float = 10) -> tuple[Job, ...]:
    """Return the scheduled jobs, each with its last and its next run.

    Args:
        stack: Whose server is asked.
        seconds: It may take for each answer.

    Raises:
        LeptonError: If it does not answer.
    """
    found = _ask(stack, "deployments/filter", {"deployments": {"name": {"any_": list(JOBS)}}}, seconds)
    return tuple(_job(stack, one, seconds) for one in sorted(found, key=lambda one: str(one["name"])))


def _job(stack: Stack, deployment: dict[str, Any], seconds: float) -> Job:
    def first(states: tuple[str, ...], order: str) -> dict[str, Any] | None:
        wanted = {
            "deployments": {"id": {"any_": [deployment["id"]]}},
            "flow_runs": {"state": {"type": {"any_": list(states)}}},
            "sort": order,
            "limit": 1,
        }
        return next(iter(_ask(stack, "flow_runs/filter", wanted, seconds)), None)

    last = first(ENDED, "END_TIME_DESC")
    due, now = first(("SCHEDULED",), "EXPECTED_START_TIME_ASC"), first(("RUNNING",), "START_TIME_DESC")
    return Job(
        deployment["name"],
        active=_active(deployment) > 0,
        last=_time(last, "start_time", "expected_start_time") if last else None,
        ok=last is None or last["state_type"] in NOT_FAILED,
        next=_time(due, "expected_start_time") if due else None,
        running=_time(now, "start_time") if now else None,
    )


def _active(deployment: dict[str, Any]) -> int:
    return 0 if deployment["paused"] else sum(bool(one["active"]) for one in deployment["schedules"])


def _time(run: dict[str, Any], *names: str) -> datetime | None:
    value = next((run[name] for name in names if run.get(name)), None)
    return None if value is None else datetime.fromisoformat(value).astimezone(UTC)


def silent_workers(stack: Stack, pools: Sequence[str], seconds: float = 10) -> dict[str, str]:
    """Return the workers of the stack that have stopped asking the server for work, by pool, each with since when.

    Args:
        stack: Whose server is asked.
        pools: Of which workers.
        seconds: It may take for each answer.

    Raises:
        LeptonError: If the server does not answer.
    """
    found = {}
    for pool in pools:
        for one in _ask(stack, f"work_pools/{pool}/workers/filter", {}, seconds):
            if one["name"] == f"lepton-{pool}" and one["status"] == "OFFLINE":
                since = _time(one, "last_heartbeat_time")
                found[pool] = f"{since:%H:%M} UTC" if since else "its start"
    return found


def check_plan(stack: Stack, now: float | None = None) -> str:
    """Return in words what is planned.

    Args:
        stack: Whose server is asked.
        now: Seconds since the epoch; the clock's by default.

    Raises:
        LeptonError: If schedules are on and no run is planned, though the server had time to: its scheduler is dead,
            which only its log tells.
    """
    found = plan(stack)
    if not found.schedules:
        return "schedules are off"
    if found.runs:
        return f"{found.runs} runs are planned"
    if (now or time.time()) - started(stack) < SETTLING_SECONDS:
        return "no run is planned yet"
    raise LeptonError(
        f"Schedules are on ({found.schedules}), but the server has planned no run: nothing will start by itself.",
        why="The server's scheduler fails; its log says why.",
        fix=["less .lepton/logs/prefect.log", "lepton down && lepton up"],
    )


def started(stack: Stack) -> float:
    """Return when the Prefect server was started, in seconds since the epoch; 0 if that is not known."""
    return min((float(one["started"]) for one in stack.services if one["name"] == "prefect server"), default=0.0)


def _ask(stack: Stack, path: str, body: dict[str, Any], seconds: float = 10) -> Any:
    """Ask the server.

    Raises:
        LeptonError: If it does not answer.
    """
    request = urllib.request.Request(
        f"{stack.prefect_api}/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            return json.load(answer)
    except (OSError, ValueError) as error:
        raise LeptonError("The Prefect server does not answer.", why=str(error), fix=["lepton up"]) from None
