"""What runs by itself, on a real server: planned, run, and no trouble in the logs of a healthy stack."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from lepton.cli.stack.schedules import plan
from lepton.core.config.addresses import Stack, read_stack
from lepton.core.config.workspace import Workspace
from tests.stack import lepton, small_stack, wait_for

TROUBLE = re.compile(r"\b(ERROR|CRITICAL)\b|Traceback|Error:|Warning:")
EVERY_SECONDS = 5

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace with its stack up, in a folder that no checkout is above of."""
    with small_stack(tmp_path_factory.mktemp("schedules")) as found:
        yield found


@pytest.fixture(scope="module")
def stack(ws: Workspace) -> Stack:
    found = read_stack(ws)
    assert found is not None
    return found


def test_the_server_plans_the_next_runs_of_every_schedule(stack: Stack) -> None:
    assert plan(stack).schedules == 2  # the hourly monitor and the weekly retrain
    wait_for(lambda: plan(stack).runs >= 6, 120)


def test_a_schedule_of_seconds_is_seen_to_run_on_a_worker(stack: Stack) -> None:
    deployment = ask(stack, "deployments/name/monitor/monitor")
    often = [{"schedule": {"interval": EVERY_SECONDS}, "active": True}]
    ask(stack, f"deployments/{deployment['id']}/schedules", often)
    wanted = {
        "deployments": {"id": {"any_": [deployment["id"]]}},
        "flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}},
    }
    run = wait_for(lambda: ask(stack, "flow_runs/filter", wanted), 120)[0]
    assert run["auto_scheduled"]
    assert run["work_pool_name"] == "cpu"


def test_the_checkup_tells_of_the_plan(ws: Workspace) -> None:
    found = {one["what"]: one for one in json.loads(lepton("-w", ws.root, "doctor", "--json"))}
    assert re.fullmatch(r"up, \d+ runs are planned", found["stack"]["detail"])


def test_no_log_of_a_healthy_stack_has_a_line_that_looks_like_trouble(ws: Workspace, stack: Stack) -> None:
    logs = {one["name"]: ws.state_dir / "logs" / one["log"] for one in stack.services}
    assert set(logs) == {"prefect server", "mlflow server", "worker cpu", "worker gpu", "watchdog"}
    found = {
        name: [line for line in log.read_text().splitlines() if TROUBLE.search(line)] for name, log in logs.items()
    }
    assert found == {name: [] for name in logs}


def ask(stack: Stack, path: str, body: Any = None) -> Any:
    """Ask the server's API: GET without a body, else POST."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{stack.prefect_api}/{path}", data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)
