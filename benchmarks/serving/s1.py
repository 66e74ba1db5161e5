"""S1: requests a second of one raw row each, 32 connections, a table of 20 columns: lepton, and MLflow with the same.

Both serve the same registered version on the same two cores, one after the other, the load generator beside them. S1c
is the processor's time a request, of the server alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import figures
import load

COMMAND = "python benchmarks/serving --only S1"
CONNECTIONS, SECONDS, ROUNDS = 32, 8.0, 3


def measure() -> Iterator[figures.Figure]:
    """Yield rates and their ratio."""
    here = load.asked()
    with load.serving() as server:
        ours, cpu = rates(server, here.bodies)
    split = [json.loads(body)[0] for body in here.bodies]
    bodies = [json.dumps({"dataframe_records": [row]}).encode() for row in split]
    with load.mlflow_serving() as server:
        theirs, their_cpu = rates(server, bodies)
    best, other = max(ours), max(theirs)
    yield figures.figure("S1a", best, "requests a second, lepton serve", ROUNDS, [], COMMAND, ours)
    yield figures.figure("S1b", other, "requests a second, mlflow models serve", ROUNDS, [], COMMAND, theirs)
    yield figures.figure("S1", best / other, "x MLflow's rate", ROUNDS, [], COMMAND, bar=15)
    notes = {"mlflow": round(min(their_cpu) * 1000, 3)}
    yield figures.figure("S1c", min(cpu) * 1000, "CPU ms a request of the server", ROUNDS, [], COMMAND, **notes)


def rates(server: load.Server, bodies: list[bytes] | tuple[bytes, ...]) -> tuple[list[float], list[float]]:
    """Return requests a second, and the processor's seconds a request, of some rounds after one to warm up."""
    found, cpu = [], []
    for at in range(ROUNDS + 1):
        before = server.cpu()
        seen = load.run(load.closed_loop(server, bodies, CONNECTIONS, SECONDS if at else 2.0))
        if seen.failed:
            raise SystemExit(f"{seen.failed} requests failed")
        if at:
            found.append(seen.rate)
            cpu.append((server.cpu() - before) / len(seen.times))
    return found, cpu
