"""Where the running local stack answers: one small file that every room may read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from lepton.core.config.workspace import Workspace


@dataclass(frozen=True)
class Stack:
    """Addresses of the stack that `lepton up` started for a workspace."""

    prefect_url: str
    """Without `/api`."""
    mlflow_url: str
    services: tuple[dict[str, Any], ...]
    """Name, pid, start time, address and log of each process."""
    schedules: bool = True
    """Whether the deployments were applied with their schedules on."""

    @property
    def prefect_api(self) -> str:
        """What PREFECT_API_URL must be."""
        return f"{self.prefect_url}/api"


def read_stack(ws: Workspace) -> Stack | None:
    """Return the stack's addresses, or None if none is up or the file is damaged; whether it answers is not asked."""
    try:
        value = json.loads(ws.stack_file.read_text(encoding="utf-8"))
        found = value["prefect"]["url"], value["mlflow"]["url"], tuple(value["services"])
        return Stack(*found, schedules=bool(value.get("schedules", True)))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
