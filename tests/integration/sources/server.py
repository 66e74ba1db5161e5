"""A real web server, and what it may do to a delivery."""

from __future__ import annotations

import base64
import gzip
import ssl
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from tests.integration.sources.deliveries import PASSWORD, as_csv, march, odd


class Web(BaseHTTPRequestHandler):
    """What a web server may do to a delivery."""

    protocol_version = "HTTP/1.0"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        good = as_csv(march())
        word = "Basic " + base64.b64encode(f"ada:{PASSWORD}".encode()).decode()
        if path == "/march.csv":
            self.give(good)
        elif path == "/odd.csv":
            self.give(as_csv(odd()))
        elif path == "/export":
            self.give(good, {"Content-Type": "text/csv; charset=utf-8"})
        elif path == "/packed.csv":
            self.give(gzip.compress(good), {"Content-Encoding": "gzip"})
        elif path == "/cut.csv":
            self.give(good, {"Content-Length": str(len(good) + 1000)})
        elif path == "/pieces.csv":  # says how long the next piece is, and ends before it came
            self.protocol_version = "HTTP/1.1"
            self.give(b"ffff\r\n" + good[:1000], {"Transfer-Encoding": "chunked"}, length=False)
        elif path == "/endless.csv":
            self.give(b"x" * 3_000_000, length=False)
        elif path == "/large.csv":
            self.give(b"", {"Content-Length": "9000000000000"})
        elif path == "/page.csv":
            self.give(b"<html>Log in</html>", {"Content-Type": "text/html"})
        elif path == "/locked.csv":
            allowed = self.headers.get("Authorization") == word
            self.give(good if allowed else b"", status=200 if allowed else 401)
        elif path == "/moved.csv":
            self.give(b"", {"Location": "/march.csv"}, status=302)
        elif path == "/elsewhere.csv":  # the same server under another name
            self.give(b"", {"Location": f"http://localhost:{self.server.server_port}/locked.csv"}, status=302)  # type: ignore[attr-defined]
        elif path == "/inside.csv":
            self.give(b"", {"Location": "file:///etc/passwd"}, status=302)
        elif path == "/busy.csv":
            self.give(b"", status=503)
        else:
            self.give(b"", status=404)

    def give(self, body: bytes, more: dict[str, str] | None = None, status: int = 200, length: bool = True) -> None:
        headers = {"Content-Type": "application/octet-stream", **(more or {})}
        if length:
            headers = {"Content-Length": str(len(body)), **headers}
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Denied(Web):
    """A store that lets nobody in."""

    def do_GET(self) -> None:
        self.give(b"<Error><Code>AccessDenied</Code></Error>", status=403)

    do_HEAD = do_GET


def serving(handler: type[BaseHTTPRequestHandler], context: ssl.SSLContext | None = None) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
