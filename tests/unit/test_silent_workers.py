"""A worker that runs and asks for no work: `up` starts it again, and whoever looks at the stack is told."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lepton.cli.commands import doctor, status
from lepton.cli.stack import lifecycle, parts
from lepton.cli.stack.lifecycle import broken
from lepton.cli.stack.look import BEGINNING, silent_of
from lepton.cli.stack.parts import PREFECT, WORKERS
from lepton.cli.stack.processes import Service, start, stop
from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError
from tests.unit.test_watchdog import SLEEPER, Ok, read, sleeping, write

BEAT = "2026-03-01T02:14:00+00:00"


class Silent(Ok):
    """A server that has heard nothing of the worker of pool cpu for a while."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        cpu = [{"name": "lepton-cpu", "status": "OFFLINE", "last_heartbeat_time": BEAT}]
        self.wfile.write(json.dumps(cpu if "/work_pools/cpu/" in self.path else []).encode())


@pytest.fixture
def ws(tmp_path: Path) -> Workspace:
    (tmp_path / "lepton.yaml").write_text("name: night\nkind: tabular\nsource: plant-1\n")
    return Workspace(tmp_path)


@pytest.fixture
def stack(ws: Workspace) -> Iterator[dict[str, Service]]:
    """Processes that sleep and were started long ago, if one believes what is on record; the server is real."""
    with sleeping(ws, Silent) as made:
        yield made


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let some minutes have passed since the stack was started."""
    monkeypatch.setattr("lepton.cli.stack.look.BEGINNING", -1.0)


def test_up_would_start_it_again_and_nothing_else(ws: Workspace, stack: dict[str, Service], later: None) -> None:
    assert silent_of(read(ws)) == {"cpu": "02:14 UTC"}
    assert broken(ws) == [WORKERS["cpu"]]


def test_up_starts_it_again_in_place_of_the_one_that_runs(
    ws: Workspace, stack: dict[str, Service], later: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start_worker(ws: Workspace, pool: str, api: str) -> Service:
        log = ws.state_dir / "logs" / f"worker-{pool}.log"
        return start(WORKERS[pool], SLEEPER, environ=dict(os.environ), log=log, cwd=ws.root)

    monkeypatch.setattr(parts, "start_worker", start_worker)
    monkeypatch.setattr(lifecycle, "create_pool", lambda *_: None)
    monkeypatch.setattr("lepton.registry.reconcile.reconcile", lambda *_: None)
    after = {one["name"]: one["pid"] for one in lifecycle.up(ws).services}
    try:
        changed = {name for name, one in stack.items() if after[name] != one.pid}
        assert changed == {WORKERS["cpu"]}
        assert not stack[WORKERS["cpu"]].alive()
    finally:
        stop([Service(**one) for one in read(ws).services if one["name"] == WORKERS["cpu"]])


def test_the_checkup_and_the_status_page_tell_of_it(ws: Workspace, stack: dict[str, Service], later: None) -> None:
    told = "has not asked the server for work since 02:14 UTC"
    with pytest.raises(LeptonError, match=WORKERS["cpu"]) as caught:
        doctor.stack_of(ws)
    assert told in caught.value.why
    ((subject, why),) = status.trouble(ws, read(ws))
    assert subject == WORKERS["cpu"]
    assert told in why


@pytest.mark.parametrize("young", [PREFECT, WORKERS["cpu"]])
def test_what_a_server_says_just_after_a_start_is_old(ws: Workspace, stack: dict[str, Service], young: str) -> None:
    old = time.time() - BEGINNING - 10
    aged = {name: one if name == young else replace(one, started=old) for name, one in stack.items()}
    write(ws, aged, read(ws).prefect_url)
    assert silent_of(read(ws)) == {}
    write(ws, {name: replace(one, started=old) for name, one in stack.items()}, read(ws).prefect_url)
    assert silent_of(read(ws)) == {"cpu": "02:14 UTC"}


def test_of_workers_nothing_is_known_while_the_server_does_not_answer(
    ws: Workspace, stack: dict[str, Service], later: None
) -> None:
    write(ws, stack, "http://127.0.0.1:9")
    assert silent_of(read(ws)) == {}
