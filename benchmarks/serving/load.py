"""A champion of a table of twenty columns behind a port, and two ways to ask it: as fast as it goes, or on a clock.

The generator is ours: asyncio on uvloop, connections that stay open, bodies made beforehand. It runs on the same two
cores as the server, so what it costs counts against whatever is measured with it; ratios are of one run.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import champions
import numpy as np
import pandas as pd
import uvloop

import lepton
from lepton.core.config.workspace import Workspace

R = TypeVar("R")
COLUMNS, ROWS = 20, 2_000
START = 180.0
"""Seconds that a server may take to answer first."""


def wide(rows: int, seed: int, shift: float) -> pd.DataFrame:
    """Return a table made up: eighteen numbers, two categories, a label that hangs on some of them."""
    random = np.random.default_rng(seed)
    numbers = random.normal(shift, 1.0, (rows, COLUMNS - 2))
    frame = pd.DataFrame({f"x{at:02d}": numbers[:, at].round(4) for at in range(COLUMNS - 2)})
    frame["line"] = random.choice(["north", "south", "east"], rows)
    frame["shift"] = random.choice(["day", "night"], rows)
    bad = numbers[:, 0] - shift + (numbers[:, 1] - shift) * (frame["line"] == "north") > 0.3
    return frame.assign(label=np.where(bad, "bad", "good"))


@dataclass(frozen=True)
class Asked:
    """A workspace, and bodies of one row each."""

    ws: lepton.Workspace
    target: str
    rows: pd.DataFrame
    bodies: tuple[bytes, ...]


@cache
def asked() -> Asked:
    """Return the champion; made once, and gone with the process."""
    folder = Path(_KEPT.name)
    with champions._settings():
        ws = lepton.init(folder / "ws", wide(ROWS, 1, 0.0), source="plant-1", progress=False)
        ws.ingest("plant-1", wide(ROWS, 1, 0.0), name="first")
        ws.pretrain()
        ws.ingest("plant-2", wide(ROWS, 2, 0.5), name="first", new=True)
        ws.transfer("plant-2", strategies=("probe",))
        if ws.serving("plant-2") is None:
            ws.promote("plant-2", 1, why="the benchmark needs a champion")
    rows = wide(512, 3, 0.5).drop(columns="label")
    bodies = tuple(json.dumps([row]).encode() for row in rows.to_dict("records"))
    return Asked(ws, "plant-2", rows, bodies)


_KEPT = tempfile.TemporaryDirectory(prefix="lepton-load-")


@dataclass
class Server:
    """A server at work."""

    process: subprocess.Popen[bytes]
    port: int
    path: str

    def cpu(self) -> float:
        """Return the seconds of the processor that it and its children used."""
        import psutil

        some = [psutil.Process(self.process.pid)]
        some += some[0].children(recursive=True)
        return float(sum(sum(one.cpu_times()[:2]) for one in some))


@contextmanager
def serving(window: int = 10**9, **environ: str) -> Iterator[Server]:
    """Serve the champion with lepton; no window is made unless it is asked for."""
    here = asked()
    with serving_of(here.ws.root, here.target, window, **environ) as server:
        yield server


@contextmanager
def serving_of(root: Path, target: str, window: int = 10**9, **environ: str) -> Iterator[Server]:
    """Serve what serves a target of a workspace."""
    run = "import sys; from lepton.cli.main import run; sys.argv[0] = 'lepton'; run()"
    words = [sys.executable, "-c", run, "-w", str(root), "serve", target]
    full = {**os.environ, "LEPTON_SERVE__WINDOW_ROWS": str(window), "OMP_NUM_THREADS": "1", **environ}
    log = root.parent / "serve.log"
    with log.open("wb") as out:
        process = subprocess.Popen(words, stdout=out, stderr=out, env=full, start_new_session=True)
    try:
        end = time.monotonic() + START
        while not (found := re.search(r":(\d+)/predict/\S+\n.*\ntry ", log.read_text())):
            if process.poll() is not None or time.monotonic() > end:
                raise SystemExit(log.read_text())
            time.sleep(0.05)
        yield Server(process, int(found[1]), f"/predict/{target}")
    finally:
        _end(process)


@contextmanager
def mlflow_serving() -> Iterator[Server]:
    """Serve the same version with `mlflow models serve`."""
    here = asked()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place = Workspace(here.ws.root)
    model = here.ws.serving(here.target)
    assert model is not None
    words = [sys.executable, "-m", "mlflow", "models", "serve", "-m", f"models:/{model.name}/{model.version}"]
    words += ["--env-manager", "local", "-p", str(port), "-h", "127.0.0.1"]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # it calls uvicorn by name
    full = {**os.environ, "PATH": path, "MLFLOW_TRACKING_URI": f"sqlite:///{place.mlflow_db}", "OMP_NUM_THREADS": "1"}
    log = here.ws.root.parent / "mlflow.log"
    with log.open("wb") as out:
        process = subprocess.Popen(words, stdout=out, stderr=out, env=full, start_new_session=True)
    try:
        end = time.monotonic() + START
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > end:
                    raise SystemExit(log.read_text()) from None
                time.sleep(0.2)
        yield Server(process, port, "/invocations")
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, subprocess.TimeoutExpired):
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # MLflow leaves children behind
    process.wait()


@dataclass
class Seen:
    """What a load saw."""

    seconds: float = 0.0
    times: list[float] = field(default_factory=list)
    """Seconds of each request that was answered."""
    failed: int = 0
    """Requests that were answered by another status than 200, or not at all."""
    answers: list[tuple[int, bytes, bytes]] = field(default_factory=list)
    """If they are kept: the body's number, head and body of the answer."""

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.times) / self.seconds

    def percentile(self, share: float) -> float:
        """Return the seconds that so many were answered within."""
        return float(np.percentile(self.times, 100 * share))


class _Connection(asyncio.Protocol):
    """One that stays open, a request at a time."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.buffer = transport, b""
        self.answer: asyncio.Future[tuple[bytes, bytes]] | None = None

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(re.search(rb"content-length: (\d+)", head, re.IGNORECASE)[1])  # type: ignore[index]
        if len(body) >= length and self.answer is not None and not self.answer.done():
            self.buffer = body[length:]
            self.answer.set_result((head, body[:length]))

    def connection_lost(self, error: Exception | None) -> None:
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(error or ConnectionResetError())

    async def ask(self, request: bytes) -> tuple[bytes, bytes]:
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)  # type: ignore[attr-defined]
        return await self.answer


def run(load: Coroutine[Any, Any, R]) -> R:
    """Run a load on uvloop: what the generator costs is taken from the server's two cores."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(load)


def requests_of(server: Server, bodies: Sequence[bytes]) -> list[bytes]:
    """Return requests as they go over the wire."""
    head = f"POST {server.path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: "
    return [f"{head}{len(body)}\r\n\r\n".encode() + body for body in bodies]


async def closed_loop(
    server: Server,
    bodies: Sequence[bytes],
    connections: int,
    seconds: float,
    keep: bool = False,
    ended: asyncio.Event | None = None,
) -> Seen:
    """Ask as fast as answers come, over some connections, for some seconds, or until it is said to have ended."""
    loop, seen, requests = asyncio.get_running_loop(), Seen(), requests_of(server, bodies)
    end = time.perf_counter() + seconds

    async def one(start: int) -> None:
        try:
            _, line = await loop.create_connection(_Connection, "127.0.0.1", server.port)
            at = start
            while (began := time.perf_counter()) < end and not (ended and ended.is_set()):
                at = (at + connections) % len(requests)
                head, body = await line.ask(requests[at])
                if not head.startswith(b"HTTP/1.1 200"):
                    seen.failed += 1
                    continue
                seen.times.append(time.perf_counter() - began)
                if keep:
                    seen.answers.append((at, head, body))
            line.transport.close()
        except OSError:
            seen.failed += 1

    began = time.perf_counter()
    await asyncio.gather(*(one(start) for start in range(connections)))
    seen.seconds = time.perf_counter() - began
    return seen


async def open_loop(server: Server, bodies: Sequence[bytes], rate: float, connections: int, seconds: float) -> Seen:
    """Ask on a clock, whether answers come or not; a request's time counts from when it was due."""
    loop, seen, requests = asyncio.get_running_loop(), Seen(), requests_of(server, bodies)
    free: asyncio.Queue[_Connection] = asyncio.Queue()
    for _ in range(connections):
        free.put_nowait((await loop.create_connection(_Connection, "127.0.0.1", server.port))[1])
    random, running = np.random.default_rng(0), set[asyncio.Task[None]]()

    async def one(at: int, due: float) -> None:
        line = await free.get()
        head, _ = await line.ask(requests[at % len(requests)])
        free.put_nowait(line)
        if head.startswith(b"HTTP/1.1 200"):
            seen.times.append(time.perf_counter() - due)
        else:
            seen.failed += 1

    began = due = time.perf_counter()
    at = 0
    while due < began + seconds:
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        running.add(task := asyncio.create_task(one(at, due)))
        task.add_done_callback(running.discard)
        at, due = at + 1, due + float(random.exponential(1 / rate))
    await asyncio.gather(*running)
    seen.seconds = time.perf_counter() - began
    return seen
