"""Stacks as `lepton up` starts them, for M14 and M15: brought up, asked over HTTP, taken down whatever happens."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sides import LEPTON, Side


@contextmanager
def up(side: Side, ws: Path, *flags: str) -> Iterator[str]:
    """Bring up the stack of a workspace with a side's code; yield the address of its server's API."""
    side.timed(ws, LEPTON, ("up", *flags))
    try:
        yield f"{json.loads((ws / '.lepton' / 'stack.json').read_text())['prefect']['url']}/api"
    finally:
        side.timed(ws, LEPTON, ("down",))


def ask(api: str, path: str, body: Any = None) -> Any:
    """Ask the server: GET without a body, else POST."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{api}/{path}", data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def wait_for(sign: Callable[[], Any], seconds: float) -> float:
    """Return after how many seconds there was a sign; raises TimeoutError if there is none."""
    began = time.perf_counter()
    while not sign():
        if time.perf_counter() - began > seconds:
            raise TimeoutError
        time.sleep(0.25)
    return time.perf_counter() - began
