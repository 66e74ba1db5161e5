"""Bring the stack up and take it down, idempotently."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable

from lepton.cli.stack.environ import stack_environ
from lepton.cli.stack.processes import Service, free_port, start, stop, wait_until_answering
from lepton.core.config.addresses import Stack, read_stack
from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError
from lepton.core.extras import require
from lepton.core.ledger import Ledger
from lepton.core.work.files import atomic_write

POOLS = ("cpu", "gpu")
START_SECONDS = 120.0
BUSY_SECONDS = 10.0
"""How long a server that answers 503 is asked again."""

Say = Callable[[str], None]


def up(
    ws: Workspace,
    *,
    prefect_port: int | None = None,
    mlflow_port: int | None = None,
    schedules: bool = True,
    say: Say = lambda _: None,
    meanwhile: Callable[[], None] = lambda: None,
) -> Stack:
    """Start what does not run yet and return the addresses; does nothing if all of it runs.

    Args:
        ws: The workspace to serve.
        prefect_port: Port of the Prefect server; a free one by default.
        mlflow_port: Port of the MLflow server; a free one by default.
        schedules: Whether the deployments' schedules are active.
        say: Told what is being waited for.
        meanwhile: Called while the servers start.

    Raises:
        LeptonError: If a wanted port is taken or a service does not start (what was started is stopped again), or
            what the stack is made of is not installed.
    """
    known = _services(ws)
    if len(known) == len(POOLS) + 2 and all(service.alive() for service in known):
        return _require(ws)
    down(ws)
    prefect_port = free_port(prefect_port, what="the Prefect server", flag="--prefect-port")
    mlflow_port = free_port(mlflow_port, what="the MLflow server", flag="--mlflow-port")
    require("prefect", "evidently")  # the workers run the loop and the monitor
    from lepton.registry.reconcile import reconcile

    started: list[Service] = []
    try:
        say("starting Prefect and MLflow")
        server = _start_prefect(ws, prefect_port, started)
        tracking = _start_mlflow(ws, mlflow_port, started)
        _record(ws, server, tracking, started)  # from here on `lepton down` finds them, whatever happens to us
        meanwhile()
        wait_until_answering(server, "/api/health", START_SECONDS)
        say("starting the workers and applying the deployments")
        for pool in POOLS:
            _create_pool(f"{server.url}/api", pool)
            _start_worker(ws, pool, f"{server.url}/api", started)
        _record(ws, server, tracking, started)
        _deploy(ws, f"{server.url}/api", schedules)
        wait_until_answering(tracking, "/health", START_SECONDS)
        reconcile(ws, Ledger(ws.ledger_url))  # what a crash left between the ledger and MLflow
    except BaseException:
        stop(reversed(started))
        ws.stack_file.unlink(missing_ok=True)
        raise
    return _require(ws)


def down(ws: Workspace) -> list[str]:
    """Stop every process of the stack; return the names of those that ran. Does nothing if none does."""
    names = stop(reversed(_services(ws)))
    ws.stack_file.unlink(missing_ok=True)
    return names


def running(ws: Workspace) -> Stack | None:
    """Return the stack if it was started and all of it still runs."""
    services = _services(ws)
    whole = len(services) == len(POOLS) + 2 and all(service.alive() for service in services)
    return read_stack(ws) if whole else None


def _record(ws: Workspace, server: Service, tracking: Service, started: list[Service]) -> None:
    value = {
        "prefect": {"url": server.url, "pid": server.pid},
        "mlflow": {"url": tracking.url, "pid": tracking.pid},
        "services": [service.to_json() for service in started],
    }
    atomic_write(ws.stack_file, json.dumps(value, indent=2))


def _services(ws: Workspace) -> list[Service]:
    stack = read_stack(ws)
    return [Service(**service) for service in stack.services] if stack else []


def _require(ws: Workspace) -> Stack:
    stack = read_stack(ws)
    if stack is None:
        raise LeptonError("The stack vanished while it was being used.", fix=["lepton up"])
    return stack


def _start_prefect(ws: Workspace, port: int, started: list[Service]) -> Service:
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    # The pages look for the API at Prefect's default port unless they are told.
    pages = {
        "PREFECT_SERVER_UI_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    }
    service = start(
        "prefect server",
        command,
        environ={**stack_environ(ws), **pages},
        log=ws.state_dir / "logs" / "prefect.log",
        cwd=ws.root,
        url=f"http://127.0.0.1:{port}",
    )
    started.append(service)
    return service


def _start_mlflow(ws: Workspace, port: int, started: list[Service]) -> Service:
    from lepton.registry.mlflow.server import initialise, server_command, server_environment

    initialise(ws)
    service = start(
        "mlflow server",
        server_command(ws, port),
        environ={**server_environment(), **stack_environ(ws)},
        log=ws.state_dir / "logs" / "mlflow.log",
        cwd=ws.root,
        url=f"http://127.0.0.1:{port}",
    )
    started.append(service)
    return service


def _create_pool(api: str, pool: str) -> None:
    """Create a work pool unless it exists; the worker fills in its job template when it starts.

    A server that is still writing its first tables may answer 503, with nothing written: it is asked again.
    """
    body = json.dumps({"name": pool, "type": "process"}).encode()
    request = urllib.request.Request(f"{api}/work_pools/", data=body, headers={"Content-Type": "application/json"})
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30):
                return
        except urllib.error.HTTPError as error:
            if error.code == 409:  # it exists, from an earlier `up`
                return
            if error.code != 503 or time.monotonic() > deadline:
                raise LeptonError(
                    f"Work pool {pool!r} could not be created.", why=str(error), fix=["lepton doctor"]
                ) from None
        time.sleep(BUSY_SECONDS / 20)


def _start_worker(ws: Workspace, pool: str, api: str, started: list[Service]) -> None:
    command = [
        *[sys.executable, "-m", "prefect", "worker", "start", "--pool", pool],
        *["--type", "process", "--name", f"lepton-{pool}", "--install-policy", "never"],
    ]
    log = ws.state_dir / "logs" / f"worker-{pool}.log"
    started.append(start(f"worker {pool}", command, environ=stack_environ(ws, api), log=log, cwd=ws.root))


def _deploy(ws: Workspace, api: str, schedules: bool) -> None:
    """Apply the file of deployments as an operator would: with Prefect's own command."""
    from lepton_flows import DEPLOYMENTS

    environ = {**stack_environ(ws, api), "LEPTON_SCHEDULES_ACTIVE": str(schedules).lower()}
    command = [
        sys.executable,
        "-m",
        "prefect",
        "--no-prompt",
        "deploy",
        "--all",
        "--prefect-file",
        str(DEPLOYMENTS),
    ]
    done = subprocess.run(command, cwd=ws.root, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-12:])
        raise LeptonError("The deployments could not be applied.", why=tail, fix=["lepton doctor"])
