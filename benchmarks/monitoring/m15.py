"""M15: a round of the monitor over twenty pairs with one new window each, on the worker of a real stack.

Beside the single run of an older checkout, which needs `--against`: a workspace of generated plants is made once, by
the older side, and brought back before each round. Measured from the asking for a run of the deployment `monitor` to
its end, as the server says it; the two sides in turn, the median of the rounds' ratios.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import figures
from deliveries import plant
from nights import ask, up, wait_for
from sides import Side, bring_back, keep, sides

COMMAND = "python benchmarks/monitoring --only M15 --against FOLDER"
PAIRS, ROUNDS = 20, 2
SETTINGS = {"LEPTON_PRETRAIN__EPOCHS": "5", "LEPTON_TRANSFER__MARGIN": "0.1"}
LIMIT = 1800.0


def measure() -> Iterator[figures.Figure]:
    """Yield the ratio, where there is something to compare with."""
    both = sides()
    with tempfile.TemporaryDirectory(prefix="lepton-m15-") as folder:
        ws = build(both[-1], Path(folder))
        kept = keep(ws)
        times: dict[str, list[float]] = {side.name: [] for side in both}
        for _ in range(ROUNDS):
            for side in reversed(both):
                bring_back(ws, kept)
                times[side.name].append(round_of(side, ws))
                print(f"M15   {side.name}: {times[side.name][-1]:.1f} s", flush=True)
    if "before" not in times:
        print("M15   skipped: it needs --against FOLDER")
        return
    ratios = [now / before for now, before in zip(times["now"], times["before"], strict=True)]
    seconds = {name: [round(one, 1) for one in each] for name, each in times.items()}
    unit = "of the time of a single run, 20 pairs with a new window each"
    yield figures.figure("M15", statistics.median(ratios), unit, ROUNDS, [0], COMMAND, ratios, bar=0.5, seconds=seconds)


def round_of(side: Side, ws: Path) -> float:
    """Return how long a round takes on the stack, from the asking to its end."""
    with up(side, ws, "--no-schedules") as api:
        monitor = ask(api, "deployments/name/monitor/monitor")
        began = time.perf_counter()
        run = ask(api, f"deployments/{monitor['id']}/create_flow_run", {"state": {"type": "SCHEDULED"}})
        wait_for(lambda: ask(api, f"flow_runs/{run['id']}")["state_type"] in ("COMPLETED", "FAILED", "CRASHED"), LIMIT)
        took = time.perf_counter() - began
        ended = ask(api, f"flow_runs/{run['id']}")["state"]
    if ended["type"] != "COMPLETED":
        raise RuntimeError(f"{side.name}: the round ended as {json.dumps(ended)}")
    judged = json.loads(side.says(ws, ("status", "--json")))["pairs"]
    assert sum(pair["window"] is not None for pair in judged) == PAIRS
    return took


def build(side: Side, folder: Path) -> Path:
    """Return a workspace of twenty pairs, each with a champion and a window that nobody has judged."""
    ws, first = folder / "ws", folder / "plant-0.csv"
    plant(600, 0.0, 0).to_csv(first, index=False)
    here = ("-w", ws)
    start = [
        ("init", ws, "--from", first),
        (*here, "ingest", "plant-0", first, "--local"),
        (*here, "pretrain", "--local"),
    ]
    side.play(folder, start, SETTINGS)
    for number in range(1, PAIRS + 1):
        name, shift = f"plant-{number}", 0.02 * number
        rows, window = folder / f"{name}.csv", folder / f"{name}-w1.csv"
        plant(400, shift, number).to_csv(rows, index=False)
        plant(200, shift, 100 + number, labelled=False).to_csv(window, index=False)
        commands = [
            (*here, "ingest", name, rows, "--new", "--local"),
            (*here, "transfer", name, "--strategy", "none", "--strategy", "probe", "--local"),
            (*here, "ingest", name, window, "--local"),
        ]
        side.play(folder, commands, SETTINGS)
    return ws
