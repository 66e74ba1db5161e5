"""S4: promotions under load: requests that failed (a), and answers that are not those of the model they name (b).

Two versions take turns by the ledger while 8 connections ask. Each answer is compared, to the last bit, with what the
graph of the version that it names answers to the row. `LEPTON_SWAPS` says how many promotions (40; the bar's is 1,000).
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import re
import time
from collections.abc import Iterator

import champions
import figures
import load

from lepton.graph.run import Graph

COMMAND = "python benchmarks/serving --only S4"
SWAPS = int(os.environ.get("LEPTON_SWAPS", "40"))


def measure() -> Iterator[figures.Figure]:
    """Yield failures and mixtures."""
    here = load.asked()
    with champions._settings():
        here.ws.transfer(here.target, strategies=("residual",))  # whatever the gate says, there is a second version
    with load.serving() as server:
        seen, slowest = load.run(_swapped(server))
    graphs = {one.about.model: one for one in map(Graph.open, (here.ws.root / ".lepton" / "graphs").rglob("*.onnx"))}
    columns = {name: list(here.rows[name]) for name in here.rows}
    expected = {name: graph.answer(columns).probabilities.tolist() for name, graph in graphs.items()}
    mixed, models = 0, set[str]()
    for at, head, body in seen.answers:
        model = re.search(rb"x-lepton-model: ([^\r]+)", head)
        assert model is not None
        models.add(name := model[1].decode())
        mixed += list(json.loads(body)[0]["probabilities"].values()) != expected[name][at]
    notes = {"swaps": SWAPS, "models": len(models), "slowest_seconds_to_live": round(slowest, 2)}
    count = len(seen.answers)
    yield figures.figure("S4a", seen.failed, "requests failed", count, [], COMMAND, bar=0, **notes)
    yield figures.figure("S4b", mixed, "answers not of the model that they name", count, [], COMMAND, bar=0, **notes)


async def _swapped(server: load.Server) -> tuple[load.Seen, float]:
    """Return what was seen, and the most seconds from a promotion to the first answer that names its version."""
    here, slowest = load.asked(), 0.0
    ended = asyncio.Event()
    asking = asyncio.create_task(load.closed_loop(server, here.bodies, 8, 3600, keep=True, ended=ended))
    for at in range(SWAPS):
        version = str(2 - at % 2)
        await asyncio.to_thread(here.ws.promote, here.target, version, why="benchmark S4")
        promoted = time.perf_counter()
        await asyncio.to_thread(_answers, server, version)
        if at >= 2:  # the graph of a version is made once
            slowest = max(slowest, time.perf_counter() - promoted)
        await asyncio.sleep(0.1)
    ended.set()
    return await asking, slowest


def _answers(server: load.Server, version: str) -> None:
    """Wait until a version answers."""
    line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    while True:
        line.request("GET", server.path.replace("/predict/", "/v2/models/"))
        if json.loads(line.getresponse().read())["versions"] == [version]:
            line.close()
            return
        time.sleep(0.01)
