"""M14: a night: what a stack plans, what its logs say while it is well, and how soon people hear when a part is killed.

A workspace with one generated plant. a: planned runs five minutes after `lepton up`. b: ERROR or CRITICAL lines and
tracebacks in all its logs by then. c: seconds until the alert is in `.lepton/alerts.jsonl` after kill -9 of the Prefect
server, each worker and MLflow, one at a time; the longest. d: the share of those after which `lepton up` brought all
back at the same addresses, with every other process the one it was. Takes about ten minutes.
"""

from __future__ import annotations

import json
import os
import re
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import figures
from deliveries import plant
from nights import ask, up, wait_for
from sides import LEPTON, Side, sides

COMMAND = "python benchmarks/monitoring --only M14"
QUIET_SECONDS = 300.0
TROUBLE = re.compile(r"\b(ERROR|CRITICAL)\b|Traceback")
KILLED = ("prefect server", "worker cpu", "worker gpu", "mlflow server")


def measure() -> Iterator[figures.Figure]:
    """Yield the four figures."""
    side = sides()[0]
    with tempfile.TemporaryDirectory(prefix="lepton-m14-") as folder:
        ws, source = Path(folder, "ws"), Path(folder, "plant-1.csv")
        plant(200, 0.0, 1).to_csv(source, index=False)
        side.play(Path(folder), [("init", ws, "--from", source)])
        with up(side, ws) as api:
            time.sleep(QUIET_SECONDS)
            runs = ask(api, "flow_runs/count", {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}})
            lines = [line for log in logs(ws) for line in log.read_text().splitlines() if TROUBLE.search(line)]
            yield figures.figure("M14a", runs, "planned runs five minutes after lepton up", 1, [], COMMAND, bar=">= 6")
            unit = "lines of trouble in the logs of a healthy stack in five minutes"
            yield figures.figure("M14b", len(lines), unit, len(logs(ws)), [], COMMAND, bar=0, lines=lines[:5])
            told = [kill(side, ws, name) for name in KILLED]
    seconds = [one for one, _ in told]
    unit = "s until people are told of a killed part, the longest"
    yield figures.figure("M14c", max(seconds), unit, len(told), [], COMMAND, seconds, bar="<= 120", parts=list(KILLED))
    unit = "share mended by lepton up at the same addresses, all else untouched"
    yield figures.figure("M14d", sum(same for _, same in told) / len(told), unit, len(told), [], COMMAND, bar=1)


def kill(side: Side, ws: Path, name: str) -> tuple[float, bool]:
    """Kill a part, wait for the alert, mend; return the seconds, and whether all else was left as it was."""
    before = stack(ws)
    pids = {one["name"]: one["pid"] for one in before["services"]}
    os.kill(pids[name], signal.SIGKILL)
    seconds = wait_for(lambda: any(f"{name} is gone" in title for title in titles(ws)), 300)
    side.timed(ws, LEPTON, ("up",))
    after = stack(ws)
    moved = {one["name"] for one in after["services"] if one["pid"] != pids[one["name"]]}
    same = [before[server]["url"] == after[server]["url"] for server in ("prefect", "mlflow")]
    wait_for(lambda: any(f"{name} is well again" in title for title in titles(ws)), 120)
    return seconds, all(same) and moved == {name}


def stack(ws: Path) -> dict[str, Any]:
    """Return what `lepton up` wrote down."""
    found: dict[str, Any] = json.loads((ws / ".lepton" / "stack.json").read_text())
    return found


def titles(ws: Path) -> list[str]:
    """Return what people were told."""
    file = ws / ".lepton" / "alerts.jsonl"
    return [json.loads(line)["title"] for line in file.read_text().splitlines()] if file.exists() else []


def logs(ws: Path) -> list[Path]:
    """Return the logs of the stack's processes."""
    return sorted((ws / ".lepton" / "logs").glob("*.log"))
