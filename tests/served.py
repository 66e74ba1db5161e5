"""A real server in a process of its own, and a plain client of it."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.processes import QUIET, ROOT

START = 180.0
"""Seconds that a start may take: the first one of a model makes its graph."""


@dataclass(frozen=True)
class Reply:
    """What a server said."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)


class Server:
    """`lepton serve` at work; a context manager that ends it.

    Args:
        root: The workspace.
        arguments: Of the command.
        trusted: The certificate of one that speaks TLS.
        environ: Further variables.
    """

    def __init__(self, root: Path, *arguments: str, trusted: Path | None = None, **environ: str) -> None:
        self.root, self._arguments, self._trusted, self._environ = root, arguments, trusted, environ
        self._log = root.parent / f"serve-{time.monotonic_ns()}.log"
        self.port = 0

    def __enter__(self) -> Self:
        run = "import sys; from lepton.cli.main import run; sys.argv[0] = 'lepton'; run()"
        path = os.pathsep.join([str(ROOT), str(ROOT / "flows")])
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", run, "-w", str(self.root), "serve", *self._arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **QUIET, "PYTHONPATH": path, **self._environ},
                start_new_session=True,
            )
        end = time.monotonic() + START
        while not (found := re.search(r"https?://[\d.]+:(\d+)/predict/(\S+)\n.*\ntry ", self.said)):
            assert self.process.poll() is None, self.said
            assert time.monotonic() < end, self.said
            time.sleep(0.05)
        self.port, self.domain = int(found[1]), found[2]
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def said(self) -> str:
        """What it has told so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def stop(self, how: int = signal.SIGTERM) -> int:
        """End it; return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(60)

    def ask(
        self,
        path: str,
        body: Any = None,
        kind: str = "application/json",
        method: str | None = None,
        timeout: float = 60,
        **headers: str,
    ) -> Reply:
        """Send a request: what is no bytes goes as JSON."""
        raw = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        if self._trusted is not None:
            context = ssl.create_default_context(cafile=str(self._trusted))
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=context)
        told = {"content-type": kind, **headers}
        try:
            connection.request(method or ("GET" if raw is None else "POST"), path, raw, told)
            reply = connection.getresponse()
            return Reply(reply.status, dict(reply.getheaders()), reply.read())
        finally:
            connection.close()

    def wait_for(self, text: str, seconds: float = 120.0) -> None:
        """Wait until it tells something."""
        end = time.monotonic() + seconds
        while not re.search(text, self.said):
            assert time.monotonic() < end, self.said
            time.sleep(0.1)
