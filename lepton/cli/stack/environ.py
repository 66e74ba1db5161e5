"""The environment of every process of lepton: no telemetry, no colours in logs, state inside the workspace."""

from __future__ import annotations

import os

from lepton.core.config.workspace import ENVIRONMENT, Workspace

QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DVC_NO_ANALYTICS": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "GIT_PYTHON_REFRESH": "quiet",
    "TQDM_DISABLE": "1",
    # Threads that wait for each other asleep: spinning made training three times slower on a busy machine.
    "OMP_WAIT_POLICY": "PASSIVE",
    "PREFECT_LOGGING_COLORS": "false",
    "PREFECT_CLI_COLORS": "false",
    "PREFECT_CLI_PROMPT": "false",
}
"""Telemetry of all five vendors is off; progress bars are lepton's own."""


def machine_environ() -> dict[str, str]:
    """Return the environment of this process with telemetry off."""
    return {**os.environ, **QUIET}


def stack_environ(ws: Workspace, prefect_api: str | None = None) -> dict[str, str]:
    """Return the environment for a process that works on `ws`, pointed at the Prefect server if one is given."""
    home = ws.state_dir / "prefect"
    environ = {
        **machine_environ(),
        ENVIRONMENT: str(ws.root),
        "PREFECT_HOME": str(home),
        "PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{home / 'prefect.db'}",
        "PREFECT_WORKER_QUERY_SECONDS": "2",
        "PREFECT_LOGGING_LEVEL": "INFO",
    }
    environ.pop("PREFECT_API_URL", None)
    environ.pop("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", None)  # ours alone; servers and workers write their logs
    if prefect_api:
        environ["PREFECT_API_URL"] = prefect_api
    return environ
