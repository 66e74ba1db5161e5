"""The port: uvicorn around the application, and an end that answers what was taken. Its only importer."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Generator, Sequence
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from typing import Any

from lepton.core.errors import LeptonError, UsageError
from lepton.core.extras import require
from lepton.serving.app import App

require("uvicorn")

import uvicorn  # noqa: E402 (after the word on what is missing)

GRACE = 30
"""Seconds that an end waits for what was taken to be answered."""
SWITCH = 0.0005
"""Seconds after which a thread that computes lets the one that reads requests go on; by Python's own 0.005 a request
waits five milliseconds whenever a batch is being prepared."""
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _Server(uvicorn.Server):
    """An end by a signal is an end as wanted: uvicorn would raise the signal again after it."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        before = {one: signal.signal(one, self.handle_exit) for one in SIGNALS}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket at an address; port 0 takes a free one.

    Raises:
        UsageError: If the address cannot be had.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        sock = socket.socket(family, kind, protocol)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
    except OSError as error:
        raise UsageError(
            f"{host}:{port} cannot be served at.",
            why=f"{error.strerror or error}.",
            fix=["use another --port; without one a free port is taken", "use another --host"],
        ) from None
    return sock


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def serve(
    app: App,
    sock: socket.socket,
    beside: Sequence[Callable[[], Coroutine[Any, Any, None]]],
    close: Callable[[], Coroutine[Any, Any, None]],
    tell: Callable[[str], None],
    started: Callable[[], None],
) -> None:
    """Serve until a signal ends it; then answer what was taken.

    Args:
        app: What answers.
        sock: Where.
        beside: What runs beside it until the end.
        close: What is done when no request comes any more, before that ends.
        tell: Where it is told if something beside it fails.
        started: Called when requests are taken.
    """
    config = uvicorn.Config(
        app,
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE,
    )
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH)
    try:
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            runner.run(_serve(_Server(config), app, sock, beside, close, tell, started))
    finally:
        sys.setswitchinterval(before)


async def _serve(
    server: _Server,
    app: App,
    sock: socket.socket,
    beside: Sequence[Callable[[], Coroutine[Any, Any, None]]],
    close: Callable[[], Coroutine[Any, Any, None]],
    tell: Callable[[str], None],
    started: Callable[[], None],
) -> None:
    tasks = [asyncio.create_task(_watched(work, tell)) for work in beside]
    opening = asyncio.create_task(_opened(server, app, started))
    try:
        await server.serve(sockets=[sock])
    finally:
        app.ready = False
        opening.cancel()
        await close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, opening, return_exceptions=True)


async def _opened(server: _Server, app: App, started: Callable[[], None]) -> None:
    while not server.started:
        await asyncio.sleep(0.01)
    app.ready = True
    started()


async def _watched(work: Callable[[], Coroutine[Any, Any, None]], tell: Callable[[str], None]) -> None:
    """Run something until the end; what it fails with is told, and it is begun again."""
    while True:
        with suppress(asyncio.CancelledError):
            try:
                await work()
                return
            except LeptonError as error:
                tell(error.render())
            except Exception as error:
                tell(f"{type(error).__name__}: {error}")
            await asyncio.sleep(1)
            continue
        return
