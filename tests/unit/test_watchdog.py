"""The watchdog on a made-up stack of real processes: who is told what, whatever is broken; who tells of its own end."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from lepton.cli.stack import look as looks
from lepton.cli.stack import watchdog
from lepton.cli.stack.look import SILENT_SECONDS, look_at_parts, watched
from lepton.cli.stack.parts import HEALTH, NAMES, WATCHDOG, services_of
from lepton.cli.stack.processes import Service, start, stop
from lepton.cli.stack.watchdog import Vigil, watch
from lepton.core.config.addresses import Stack, read_stack
from lepton.core.config.workspace import Workspace
from lepton.core.decisions import vigil as decisions
from lepton.core.decisions.overdue import Job
from lepton.core.errors import LeptonError
from lepton.core.ledger import Ledger
from lepton.core.ledger.rows import Alerted
from lepton.operations.machinery import standing
from lepton.operations.runtime import InProcess
from lepton.operations.session import Session

SLEEPER = [sys.executable, "-c", "import time; time.sleep(120)"]


class Ok(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"[]")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def ws(tmp_path: Path) -> Workspace:
    (tmp_path / "lepton.yaml").write_text("name: night\nkind: tabular\nsource: plant-1\n")
    return Workspace(tmp_path)


@contextmanager
def sleeping(ws: Workspace, answers: type[BaseHTTPRequestHandler]) -> Iterator[dict[str, Service]]:
    """Processes that sleep, of which two have the address of a server that answers so."""
    http = HTTPServer(("127.0.0.1", 0), answers)
    thread = Thread(target=http.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{http.server_port}"
    made = {}
    for name in NAMES:
        log = ws.state_dir / "logs" / f"{name}.log"
        address = url if name in HEALTH else None
        made[name] = start(name, SLEEPER, environ=dict(os.environ), log=log, cwd=ws.root, url=address)
    write(ws, made, url)
    yield made
    http.shutdown()
    thread.join()
    http.server_close()
    stop(services_of(read_stack(ws)).values())
    stop(made.values())


@pytest.fixture
def stack(ws: Workspace) -> Iterator[dict[str, Service]]:
    """Processes that sleep, of which two have an address that answers."""
    with sleeping(ws, Ok) as made:
        yield made


def write(ws: Workspace, services: dict[str, Service], url: str) -> None:
    told = [one.to_json() for one in services.values()]
    ws.stack_file.write_text(json.dumps({"prefect": {"url": url}, "mlflow": {"url": url}, "services": told}))


def read(ws: Workspace) -> Stack:
    found = read_stack(ws)
    assert found is not None
    return found


def kill(service: Service) -> None:
    os.kill(service.pid, signal.SIGKILL)
    while service.alive():
        time.sleep(0.02)


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ENDED", "SILENT", "BACK"):
        monkeypatch.setattr(decisions, name, timedelta(0))


def rounds(number: int) -> Callable[[float], None]:
    left = iter(range(number))

    def asleep(_: float) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt

    return asleep


def look(ws: Workspace, times: int = 0) -> list[str]:
    said: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        watch(ws, every=0.1, say=said.append, asleep=rounds(times))
    return said


def test_a_healthy_stack_is_nothing_to_tell_of(ws: Workspace, stack: dict[str, Service], soon: None) -> None:
    assert all(one.ok for one in look_at_parts(read(ws)))
    assert look(ws, 2) == []
    assert not ws.alerts_file.exists()


@pytest.mark.parametrize("name", [name for name in NAMES if name != WATCHDOG])
def test_every_part_that_is_killed_is_told_and_that_it_is_back(
    ws: Workspace, stack: dict[str, Service], soon: None, name: str
) -> None:
    kill(stack[name])
    assert look(ws, 2) == [f"night: {name} is gone"]
    (alert,) = standing(Ledger(ws.ledger_url))
    assert (alert.pair, alert.cause, alert.severity) == (f"stack/{name}", "gone", "critical")
    line = json.loads(ws.alerts_file.read_text().splitlines()[0])
    for part in (f"process {stack[name].pid} has ended", "What follows: ", str(ws.root), "lepton up"):
        assert part in line["body"]
    assert look(ws) == []  # another watchdog, after a kill: it was told
    again = start(name, SLEEPER, environ=dict(os.environ), log=Path(stack[name].log), cwd=ws.root, url=stack[name].url)
    write(ws, {**stack, name: again}, read(ws).prefect_url)
    assert look(ws, 2) == [f"night: {name} is well again"]
    assert standing(Ledger(ws.ledger_url)) == []
    assert [entry.row.kind for entry in Ledger(ws.ledger_url).rows(None, Alerted)] == ["open", "resolve"]
    stop([again])


def test_a_process_that_runs_and_does_not_answer_is_gone_too(
    ws: Workspace, stack: dict[str, Service], soon: None
) -> None:
    mute = replace(stack["mlflow server"], url="http://127.0.0.1:9")
    write(ws, {**stack, "mlflow server": mute}, read(ws).prefect_url)
    assert look(ws) == ["night: mlflow server is gone"]
    assert "http://127.0.0.1:9 does not answer" in ws.alerts_file.read_text()


def test_a_worker_that_runs_and_does_not_ask_for_work_is_gone_too(ws: Workspace, stack: dict[str, Service]) -> None:
    looks = {one.subject: one for one in look_at_parts(read(ws), silent={"cpu": "02:14 UTC"})}
    assert [name for name, one in looks.items() if not one.ok] == ["worker cpu"]
    assert looks["worker cpu"].why.endswith("has not asked the server for work since 02:14 UTC")
    assert not looks["worker cpu"].sure


def test_an_overdue_job_is_told_even_while_the_server_is_down(ws: Workspace, stack: dict[str, Service]) -> None:
    vigil = Vigil(Session(ws, InProcess(actor="watchdog")), asked=time.monotonic())
    early = {**stack, "prefect server": replace(stack["prefect server"], started=time.time() - 7200)}
    write(ws, early, "http://127.0.0.1:9")
    vigil.jobs = (Job("monitor", True, next=datetime.now(UTC) - timedelta(minutes=30)),)
    vigil.memory[("monitor", "overdue")] = decisions.Lasting(False, datetime.now(UTC) - timedelta(minutes=1))
    assert "night: monitor is overdue" in vigil.look(read(ws))
    entry = Ledger(ws.ledger_url).rows("stack/monitor", Alerted)[0]
    assert (entry.row.cause, entry.actor) == ("overdue", "watchdog")


def test_a_ledger_or_a_configuration_that_is_broken_does_not_end_the_watchdog(
    ws: Workspace, stack: dict[str, Service], soon: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill(stack["worker gpu"])
    text = (ws.root / "lepton.yaml").read_text()
    (ws.root / "lepton.yaml").write_text("nonsense: [")
    mended: list[float] = []

    def asleep(seconds: float) -> None:
        mended.append(seconds)
        (ws.root / "lepton.yaml").write_text(text)
        if len(mended) == 3:
            raise KeyboardInterrupt

    said: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        watch(ws, every=0.1, say=said.append, asleep=asleep)
    assert "lepton.yaml" in said[0]
    assert said[1:] == ["night: worker gpu is gone"]


def test_it_ends_with_the_stack_and_there_is_one_of_it(ws: Workspace, stack: dict[str, Service]) -> None:
    told: list[Any] = []

    def asleep(_: float) -> None:
        with pytest.raises(LeptonError, match="Another watchdog"):
            watch(ws, every=0.1)
        ws.stack_file.unlink()

    watch(ws, every=0.1, say=told.append, asleep=asleep)
    assert told == ["the stack was taken down"]
    with pytest.raises(LeptonError, match="no stack to look after"):
        watch(ws)


def test_its_own_end_and_its_silence_are_seen_by_the_checkup(
    ws: Workspace, stack: dict[str, Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    watchdog.beat(ws)
    assert watched(ws, read(ws)) == "looks after it"
    old = time.time() - SILENT_SECONDS - 5
    os.utime(ws.state_dir / "watchdog.beat", (old, old))
    assert watched(ws, read(ws)) == "looks after it"  # it has only just begun
    monkeypatch.setattr(looks, "SILENT_SECONDS", 0.0)
    with pytest.raises(LeptonError, match="has not looked at the stack for"):
        watched(ws, read(ws))
    kill(stack[WATCHDOG])
    with pytest.raises(LeptonError, match="The watchdog has ended") as caught:
        watched(ws, read(ws))
    assert caught.value.fix == ("lepton up",)
