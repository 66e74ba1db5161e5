"""The checkup of the stack's plan: a server whose scheduler is dead is told of, a young or a quiet one is not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from lepton.cli.stack.schedules import Plan, check_plan, jobs, plan, silent_workers
from lepton.core.config.addresses import Stack
from lepton.core.decisions.overdue import Job
from lepton.core.errors import LeptonError

STARTED = 1_000.0
LATER = STARTED + 600


class Server:
    """Answers the two questions like a Prefect server."""

    def __init__(self) -> None:
        self.deployments: list[dict[str, Any]] = []
        self.runs = 0
        self.workers: list[dict[str, Any]] = []
        self.found: dict[str, dict[str, Any]] = {}
        """The flow run that each first state of a question finds."""


@pytest.fixture
def server() -> Iterator[tuple[Server, Stack]]:
    told = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state = asked.get("flow_runs", {}).get("state", {}).get("type", {}).get("any_", [""])[0]
            answers = {
                "/api/deployments/filter": told.deployments,
                "/api/flow_runs/count": told.runs,
                "/api/flow_runs/filter": [told.found[state]] if state in told.found else [],
                "/api/work_pools/cpu/workers/filter": told.workers,
            }
            body = json.dumps(answers[self.path]).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    http = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=http.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{http.server_port}"
    yield told, Stack(address, address, ({"name": "prefect server", "started": STARTED},))
    http.shutdown()
    thread.join()
    http.server_close()


def deployment(*active: bool, paused: bool = False) -> dict[str, Any]:
    return {"paused": paused, "schedules": [{"active": one} for one in active]}


def test_only_active_schedules_of_deployments_that_are_not_paused_count(server: tuple[Server, Stack]) -> None:
    told, stack = server
    told.deployments = [deployment(), deployment(True, False), deployment(True, paused=True), deployment(True)]
    told.runs = 7
    assert plan(stack) == Plan(schedules=2, runs=7)
    assert check_plan(stack, LATER) == "7 runs are planned"


def test_schedules_that_are_off_need_no_plan(server: tuple[Server, Stack]) -> None:
    told, stack = server
    told.deployments = [deployment(False)]
    assert check_plan(stack, LATER) == "schedules are off"


def test_a_server_that_has_just_started_may_plan_later(server: tuple[Server, Stack]) -> None:
    told, stack = server
    told.deployments = [deployment(True)]
    assert check_plan(stack, STARTED + 5) == "no run is planned yet"


def test_schedules_that_are_on_without_a_planned_run_are_an_error_that_names_the_log(
    server: tuple[Server, Stack],
) -> None:
    told, stack = server
    told.deployments = [deployment(True)]
    with pytest.raises(LeptonError, match=r"Schedules are on \(1\), but the server has planned no run") as caught:
        check_plan(stack, LATER)
    assert "prefect.log" in caught.value.fix[0]


def test_a_job_is_told_with_its_last_and_its_next_run(server: tuple[Server, Stack]) -> None:
    told, stack = server
    told.deployments = [{**deployment(True), "name": "monitor", "id": "1"}]
    assert jobs(stack) == (Job("monitor", True),)
    told.found["COMPLETED"] = {"start_time": "2026-03-01T13:00:02+01:00", "state_type": "CRASHED"}
    told.found["SCHEDULED"] = {"expected_start_time": "2026-03-01T13:00:00Z"}
    told.found["RUNNING"] = {"start_time": "2026-03-01T12:30:00Z"}
    twelve = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert jobs(stack) == (
        Job(
            "monitor",
            active=True,
            last=twelve + timedelta(seconds=2),
            ok=False,
            next=twelve + timedelta(hours=1),
            running=twelve + timedelta(minutes=30),
        ),
    )
    told.found["COMPLETED"] = {
        "start_time": None,
        "expected_start_time": "2026-03-01T12:00:00Z",
        "state_type": "CANCELLED",
    }
    (job,) = jobs(stack)
    assert (job.last, job.ok) == (twelve, True)


def test_only_our_own_worker_that_is_silent_counts(server: tuple[Server, Stack]) -> None:
    told, stack = server
    heard = {"last_heartbeat_time": "2026-03-01T02:14:00Z"}
    told.workers = [
        {"name": "lepton-cpu", "status": "ONLINE", **heard},
        {"name": "another", "status": "OFFLINE", **heard},
    ]
    assert silent_workers(stack, ["cpu"]) == {}
    told.workers[0]["status"] = "OFFLINE"
    assert silent_workers(stack, ["cpu"]) == {"cpu": "02:14 UTC"}


def test_a_server_that_is_gone_is_an_error_with_a_way_out() -> None:
    with pytest.raises(LeptonError, match="does not answer") as caught:
        plan(Stack("http://127.0.0.1:9", "", ()))
    assert caught.value.fix
