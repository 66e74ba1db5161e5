"""What the stack's server has planned: asked over HTTP, for Prefect takes a second to import."""

from __future__ import annotations

import json
import time
import urllib.request
from dataclasses import dataclass
from typing import Any

from lepton.core.config.addresses import Stack
from lepton.core.errors import LeptonError

SETTLING_SECONDS = 120.0
"""The scheduler of Prefect looks for what is new every five seconds, and at everything once a minute."""


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
    try:
        deployments = _ask(stack, "deployments/filter", {})
        runs = _ask(stack, "flow_runs/count", {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}})
    except (OSError, ValueError) as error:
        raise LeptonError(
            "The Prefect server does not answer.", why=str(error), fix=["lepton down && lepton up"]
        ) from None
    active = sum(bool(one["active"]) for found in deployments for one in found["schedules"] if not found["paused"])
    return Plan(active, int(runs))


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
    age = (now or time.time()) - min((float(one["started"]) for one in stack.services), default=0.0)
    if age < SETTLING_SECONDS:
        return "no run is planned yet"
    raise LeptonError(
        f"Schedules are on ({found.schedules}), but the server has planned no run: nothing will start by itself.",
        why="The server's scheduler fails; its log says why.",
        fix=["less .lepton/logs/prefect.log", "lepton down && lepton up"],
    )


def _ask(stack: Stack, path: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(
        f"{stack.prefect_api}/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)
