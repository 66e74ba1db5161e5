"""What a command does while its surroundings are broken, and what becomes of the work when they are mended.

Each case raises AssertionError if anything is lost, half-done, done twice or told with a traceback.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from tests.broken import clock_set_back, impatient, locked, read_only, small_disk
from tests.crash import Course, Plant, course, works
from tests.inspection import inspect
from tests.processes import Ended

INGEST, TRANSFER = "ingest", "transfer-brief"
SHORT = 6.0
LONG = 60.0


class Bench:
    """A plant, and what the works come to while nothing is broken: found out once each."""

    def __init__(self, plant: Plant) -> None:
        """Take a plant for the cases to work on, one after the other."""
        self.plant = plant
        self._known: dict[str, Course] = {}

    def begin(self, name: str) -> Course:
        """Put the workspace to where a work begins; return what it comes to when nothing is broken."""
        if name not in self._known:
            self._known[name] = course(self.plant, next(works(name)))
        self.plant.put(self._known[name].work.state)
        return self._known[name]

    def do(self, known: Course, first: Callable[[], None] | None = None) -> Ended:
        """Give the work's command."""
        return self.plant.lepton(*known.work.command, environ=known.work.environ, first=first)

    def done(self, known: Course, ended: Ended) -> None:
        """Check that a work has ended as it does when nothing is broken."""
        assert ended.code == known.work.code, ended.text
        seen = self.plant.processes.call(inspect, str(self.plant.root))
        assert seen["problems"] == []
        assert sorted(seen["facts"]) == sorted(known.facts.elements())


def refusal(ended: Ended) -> str:
    """Return the first line of an error that is one: told to a person, with a way out."""
    assert ended.code == 1, ended.text
    for sign in ("Traceback", "not expect", "mistake in lepton"):
        assert sign not in ended.text, ended.text
    what, told, rest = ended.err.partition("\n\n")
    assert told, ended.text
    assert rest.strip(), ended.text  # why, or what to do
    return what.splitlines()[-1].strip()


def full_disk(bench: Bench) -> str:
    """No space is left: for a delivery, and for what a transfer writes."""
    said = []
    for name, spare in ((INGEST, 0), (INGEST, 64), (TRANSFER, 300)):
        known = bench.begin(name)
        with small_disk(bench.plant.root, spare):
            said.append(refusal(bench.do(known)))
        bench.done(known, bench.do(known))
    return "; ".join(said)


def no_writing(bench: Bench) -> str:
    """The data folder, then the whole workspace, may not be written to."""
    said = []
    for part in ("data", ".lepton", "."):
        known = bench.begin(INGEST)
        with read_only(bench.plant.root / part):
            said.append(refusal(bench.do(known)))
        bench.done(known, bench.do(known))
    return "; ".join(said)


def no_remote(bench: Bench) -> str:
    """DVC's remote is away while a delivery is made, and comes back."""
    known = bench.begin(INGEST)
    remote = bench.plant.root / ".lepton" / "remote"
    remote.rename(remote.with_name("elsewhere"))
    said = refusal(bench.do(known))
    remote.with_name("elsewhere").rename(remote)
    bench.done(known, bench.do(known))
    return said


def held_lock(bench: Bench) -> str:
    """Another process holds MLflow's database: for some seconds, then for longer than anybody waits."""
    known = bench.begin(TRANSFER)
    with locked(bench.plant.root / ".lepton" / "mlflow.db", SHORT):
        bench.done(known, bench.do(known))
    known = bench.begin(TRANSFER)
    with locked(bench.plant.root / ".lepton" / "mlflow.db", LONG):
        said = refusal(bench.do(known, impatient))
    bench.done(known, bench.do(known))
    return f"held for {SHORT:g} s: waited; held on: {said}"


def server_restarted(bench: Bench) -> str:
    """MLflow's server dies while a version is registered, and comes back at the same address."""
    known = bench.begin(TRANSFER)
    root, port = bench.plant.root, _free_port()
    stack = root / ".lepton" / "stack.json"
    address = {"url": f"http://127.0.0.1:{port}"}
    with contextlib.ExitStack() as servers:
        server = servers.enter_context(mlflow_server(root, port))
        stack.write_text(json.dumps({"prefect": address, "mlflow": address, "services": []}))
        process = bench.plant.start(*known.work.command, environ=known.work.environ)
        _until(lambda: "register.swept" in bench.plant.processes.reached() or not process.is_alive())
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
        servers.enter_context(mlflow_server(root, port))
        ended = bench.plant.processes.wait(process)
        said = "the command waited for it" if ended.code == known.work.code else refusal(ended)
        if ended.code != known.work.code:
            ended = bench.do(known)
    stack.unlink()
    bench.done(known, ended)
    return said


def wrong_clock(bench: Bench) -> str:
    """The clock is set back by a day between the steps of the work before and this one."""
    for name in (INGEST, TRANSFER):
        known = bench.begin(name)
        bench.done(known, bench.do(known, clock_set_back))
    return "the order of the ledger's rows is their number; done as ever"


CASES: dict[str, Callable[[Bench], str]] = {
    "full disk": full_disk,
    "read-only folder": no_writing,
    "DVC remote away": no_remote,
    "MLflow's database locked": held_lock,
    "MLflow's server restarted": server_restarted,
    "clock set back": wrong_clock,
}
"""What breaks -> the case; each returns what the command said or did."""


@contextlib.contextmanager
def mlflow_server(root: Path, port: int) -> Iterator[subprocess.Popen[Any]]:
    """Run MLflow's server for a workspace until the block ends; yield the leader of its process group."""
    from lepton.core.config.workspace import Workspace
    from lepton.registry.mlflow.server import server_command, server_environment

    with (root.parent / "server.log").open("ab") as log:
        command = server_command(Workspace(root), port)
        server = subprocess.Popen(
            command, env=server_environment(), stdout=log, stderr=log, start_new_session=True, cwd=root.parent
        )
    try:
        _until(lambda: _answers(port))
        yield server
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def _answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/health", timeout=2):
            return True
    except (URLError, OSError):
        return False


def _until(sign: Callable[[], bool], seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not sign():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
