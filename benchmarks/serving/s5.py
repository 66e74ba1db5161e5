"""S5: twenty kills under load: rows that were answered and are not in the log (a), rows that are in it twice (b)."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Iterator

import figures
import load

from lepton.core.config.workspace import Workspace
from lepton.serving.journal import read_segment, segments
from lepton.serving.record import Record

COMMAND = "python benchmarks/serving --only S5"
KILLS = 20


def measure() -> Iterator[figures.Figure]:
    """Yield what was lost, and what is there twice."""
    here, answered = load.asked(), set[str]()
    for at in range(KILLS):
        with load.serving() as server:
            seen = load.run(_killed(server, 0.5 + at * 0.05))
            answered |= {json.loads(body)[0]["id"] for _, _, body in seen.answers}
    folder = Workspace(here.ws.root).serving_dir / here.target
    logged = [row for path in segments(folder) for one in read_segment(path) for row in Record.from_bytes(one).ids]
    lost, twice = len(answered - set(logged)), len(logged) - len(set(logged))
    notes = {"kills": KILLS, "logged": len(logged)}
    yield figures.figure(
        "S5a", lost, "rows answered that are not in the log", len(answered), [], COMMAND, bar=0, **notes
    )
    yield figures.figure("S5b", twice, "rows in the log twice", len(logged), [], COMMAND, bar=0, **notes)


async def _killed(server: load.Server, seconds: float) -> load.Seen:
    asyncio.get_running_loop().call_later(seconds, os.kill, server.process.pid, signal.SIGKILL)
    return await load.closed_loop(server, load.asked().bodies, 16, seconds + 5, keep=True)
