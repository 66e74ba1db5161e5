"""Processes of the stack: ended with what they left, their logs kept, their ports remembered."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from lepton.cli.stack.logs import KEPT, earlier, rotate, tail
from lepton.cli.stack.ports import Ports, free_port, is_free, remember, remembered
from lepton.cli.stack.processes import Service, answers, start, stop
from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError

PARENT = """import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""


def begin(folder: Path, code: str = PARENT, url: str | None = None) -> Service:
    return start(
        "part", [sys.executable, "-c", code], environ=dict(os.environ), log=folder / "part.log", cwd=folder, url=url
    )


def wait_for(sign: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not sign():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def child_of(service: Service) -> int:
    wait_for(lambda: Path(service.log).read_text().strip())
    return int(Path(service.log).read_text())


def runs(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_what_a_killed_process_left_behind_is_ended_with_it(tmp_path: Path) -> None:
    service = begin(tmp_path)
    child = child_of(service)
    os.kill(service.pid, signal.SIGKILL)
    wait_for(lambda: not service.alive())
    assert runs(child)
    assert stop([service]) == []  # it did not run itself
    assert not runs(child)


def test_a_process_that_runs_is_ended_with_its_children_and_others_are_left_alone(tmp_path: Path) -> None:
    service, other = begin(tmp_path), subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    child = child_of(service)
    assert stop([service]) == ["part"]
    assert not service.alive()
    assert not runs(child)
    assert other.poll() is None
    other.kill()
    other.wait()


def test_a_pid_that_is_used_again_is_not_the_service(tmp_path: Path) -> None:
    stranger = Service("part", os.getpid(), time.time() - 10_000_000)
    assert not stranger.alive()
    assert stop([stranger]) == []


def test_what_an_earlier_process_wrote_is_kept(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "part.log"
    for number in range(KEPT + 3):
        rotate(log)
        log.write_text(f"run {number}")
    assert [earlier(log, k).read_text() for k in range(1, KEPT + 1)] == [
        f"run {KEPT + 2 - k}" for k in range(1, KEPT + 1)
    ]
    assert len(list(log.parent.iterdir())) == KEPT + 1
    assert log.read_text() == f"run {KEPT + 2}"


def test_a_start_moves_the_log_out_of_the_way_and_an_empty_one_is_no_log(tmp_path: Path) -> None:
    for text in ("first", "second"):
        service = begin(tmp_path, f"print({text!r})")
        wait_for(lambda service=service: not service.alive())
    assert (tmp_path / "part.1.log").read_text() == "first\n"
    assert tail(service.log) == f"The end of {service.log}:\nsecond"
    (tmp_path / "part.log").write_text("")
    rotate(tmp_path / "part.log")
    assert not (tmp_path / "part.2.log").exists()


def test_ports_are_remembered_and_wanted_ones_win(tmp_path: Path) -> None:
    ws = Workspace(tmp_path)
    assert remembered(ws) == Ports()
    remember(ws, Ports(4200, 5000))
    assert remembered(ws) == Ports(4200, 5000)
    assert Ports(mlflow=1).over(remembered(ws)) == Ports(4200, 1)
    (ws.state_dir / "ports.json").write_text('{"prefect": "x"}')
    assert remembered(ws) == Ports()


def test_a_taken_port_is_told_with_the_flag_that_asked_for_it() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not is_free(port)
        assert not answers(f"http://127.0.0.1:{port}/health", 0.2)
        with pytest.raises(LeptonError, match=f"Port {port} for the MLflow server") as caught:
            free_port(port, what="the MLflow server", flag="--mlflow-port")
    assert "--mlflow-port" in caught.value.fix[0]
    assert is_free(port)
