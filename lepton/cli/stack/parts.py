"""What the stack is made of: how each of its processes is started, and where the two servers say that they are well."""

from __future__ import annotations

import sys

from lepton.cli.stack.environ import stack_environ
from lepton.cli.stack.processes import Service, start
from lepton.core.config.addresses import Stack
from lepton.core.config.workspace import Workspace

POOLS = ("cpu", "gpu")
PREFECT, MLFLOW, WATCHDOG = "prefect server", "mlflow server", "watchdog"
WORKERS = {pool: f"worker {pool}" for pool in POOLS}
NAMES = (PREFECT, MLFLOW, *WORKERS.values(), WATCHDOG)
"""All of it, in the order of starting."""
HEALTH = {PREFECT: "/api/health", MLFLOW: "/health"}
"""Where a server answers 200."""


def services_of(stack: Stack | None) -> dict[str, Service]:
    """Return the processes that were started last, by name, whether they run or not."""
    return {one["name"]: Service(**one) for one in stack.services} if stack else {}


def start_prefect(ws: Workspace, port: int) -> Service:
    """Start the Prefect server."""
    command = [
        sys.executable,
        "-m",
        "lepton_flows.server",
        "server",
        "start",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    # The pages look for the API at Prefect's default port unless they are told.
    settings = {
        "PREFECT_SERVER_UI_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        # Who waits for another monitor of a pair asks again soon: there may be a person behind it.
        "PREFECT_SERVER_CONCURRENCY_MAXIMUM_CONCURRENCY_SLOT_WAIT_SECONDS": "3",
    }
    return start(
        PREFECT,
        command,
        environ={**stack_environ(ws), **settings},
        log=ws.state_dir / "logs" / "prefect.log",
        cwd=ws.root,
        url=f"http://127.0.0.1:{port}",
    )


def start_mlflow(ws: Workspace, port: int) -> Service:
    """Start the MLflow server."""
    from lepton.registry.mlflow.server import initialise, server_command, server_environment

    initialise(ws)
    return start(
        MLFLOW,
        server_command(ws, port),
        environ={**server_environment(), **stack_environ(ws)},
        log=ws.state_dir / "logs" / "mlflow.log",
        cwd=ws.root,
        url=f"http://127.0.0.1:{port}",
    )


def start_worker(ws: Workspace, pool: str, api: str) -> Service:
    """Start the worker of a pool."""
    command = [
        *[sys.executable, "-m", "prefect", "worker", "start", "--pool", pool],
        *["--type", "process", "--name", f"lepton-{pool}", "--install-policy", "never"],
    ]
    log = ws.state_dir / "logs" / f"worker-{pool}.log"
    return start(WORKERS[pool], command, environ=stack_environ(ws, api), log=log, cwd=ws.root)


def start_watchdog(ws: Workspace) -> Service:
    """Start what looks after the others; it needs none of them."""
    command = [sys.executable, "-c", "from lepton.cli.main import run; run()", "--workspace", str(ws.root), "watch"]
    log = ws.state_dir / "logs" / "watchdog.log"
    return start(WATCHDOG, command, environ=stack_environ(ws), log=log, cwd=ws.root)
