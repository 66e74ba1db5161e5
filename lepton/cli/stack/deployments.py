"""What a Prefect server must hold before work can be started on it: the pools, and the deployments."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request

from lepton.cli.stack.environ import stack_environ
from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError

BUSY_SECONDS = 10.0
"""How long a server that answers 503 is asked again."""


def create_pool(api: str, pool: str) -> None:
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


def deploy(ws: Workspace, api: str, schedules: bool) -> None:
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
