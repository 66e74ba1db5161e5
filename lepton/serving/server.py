"""The port: uvicorn around the application, and an end that answers what was taken. Its only importer."""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
import sys
from collections.abc import Callable, Coroutine, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
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


@dataclass(frozen=True)
class Beside:
    """What runs beside a server, and is told of it."""

    works: Sequence[Callable[[], Coroutine[Any, Any, None]]]
    """Run until the end."""
    close: Callable[[], Coroutine[Any, Any, None]]
    """What is done when no request comes any more, before those end."""
    tell: Callable[[str], None]
    """Where it is told if one of them fails."""
    started: Callable[[], None]
    """Called when requests are taken."""


@dataclass(frozen=True)
class Certificate:
    """What TLS is spoken with."""

    certificate: Path
    """PEM, with the chain."""
    key: Path
    """PEM, without a password."""

    def check(self) -> None:
        """Make sure that both can be used together.

        Raises:
            UsageError: If one cannot be read, is not PEM, or they do not belong together.
        """
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.certificate, self.key, lambda: "")
        except (OSError, ssl.SSLError) as error:  # an SSLError is an OSError; both, for who reads
            raise UsageError(
                f"TLS cannot be spoken with {self.certificate} and {self.key}.",
                why=f"{error.strerror or error}.",
                fix=["name a certificate and its key, both PEM, the key without a password"],
            ) from None


def serve(app: App, sock: socket.socket, beside: Beside, tls: Certificate | None = None) -> None:
    """Serve until a signal ends it; then answer what was taken.

    Args:
        app: What answers.
        sock: Where.
        beside: What runs beside it.
        tls: What HTTPS is spoken with; None: plain HTTP.
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
        ssl_certfile=tls.certificate if tls else None,
        ssl_keyfile=tls.key if tls else None,
    )
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH)
    try:
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            runner.run(_serve(_Server(config), app, sock, beside))
    finally:
        sys.setswitchinterval(before)


async def _serve(server: _Server, app: App, sock: socket.socket, beside: Beside) -> None:
    tasks = [asyncio.create_task(_watched(work, beside.tell)) for work in beside.works]
    opening = asyncio.create_task(_opened(server, app, beside.started))
    try:
        await server.serve(sockets=[sock])
    finally:
        app.ready = False
        opening.cancel()
        await beside.close()
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
