"""Starting the stack: what a server that is still busy answers is no reason to give up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from lepton.cli.stack import deployments
from lepton.core.errors import LeptonError


@contextmanager
def answering(*codes: int) -> Iterator[tuple[str, list[str]]]:
    """Serve these status codes in turn, the last one for ever; yield the address and the paths asked for."""
    left, asked = list(codes), []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(left.pop(0) if len(left) > 1 else left[0])
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/api", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deployments, "BUSY_SECONDS", 0.2)


@pytest.mark.parametrize("codes", [(201,), (409,), (503, 503, 201), (503, 409)])
def test_a_busy_server_is_asked_again_until_the_pool_is_there(codes: tuple[int, ...]) -> None:
    with answering(*codes) as (api, asked):
        deployments.create_pool(api, "cpu")
    assert asked == ["/api/work_pools/"] * len(codes)


@pytest.mark.parametrize("code", [500, 503])
def test_a_server_that_refuses_or_stays_busy_is_an_error_that_says_what_to_do(code: int) -> None:
    with answering(code) as (api, asked), pytest.raises(LeptonError, match="'cpu' could not be created") as caught:
        deployments.create_pool(api, "cpu")
    assert list(caught.value.fix) == ["lepton doctor"]
    assert (len(asked) > 1) == (code == 503)
