"""H1: how soon lepton answers: the import, its help, its status of twenty pairs, its alerts; and what that loads.

a-d: median wall time of seven whole processes after one that is not counted (it compiles what was not compiled yet), in
a workspace of twenty pairs, each with a champion and a judged window; three of them have drifted and an alert is open.
e: how many of six large libraries are loaded when the import, the help and the alerts end, which need none of them;
`status` is told beside. The workspace is made by the command line. Takes about four minutes a side.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

import figures
from deliveries import plant
from sides import LEPTON, Seconds, Side, Words, sides

COMMAND = "python benchmarks/house --only H1"
PAIRS, DRIFTED, RUNS = 20, 3, 7
SETTINGS = {"LEPTON_PRETRAIN__EPOCHS": "5", "LEPTON_TRANSFER__MARGIN": "0.1"}
LARGE = ("prefect", "torch", "mlflow", "evidently", "great_expectations", "dvc")
ASKED: tuple[tuple[str, str, str, Words, float], ...] = (
    ("H1a", "import lepton", "import lepton", (), 0.2),
    ("H1b", "lepton --help", LEPTON, ("--help",), 0.5),
    ("H1c", "lepton status of 20 pairs", LEPTON, ("status",), 1.5),
    ("H1d", "lepton alerts", LEPTON, ("alerts",), 0.8),
)
FREE = ("H1a", "H1b", "H1d")


def measure() -> Iterator[figures.Figure]:
    """Yield the seconds of each question, and how many large libraries were loaded."""
    with tempfile.TemporaryDirectory(prefix="lepton-h1-") as folder:
        places = {side.name: build(side, Path(folder, side.name)) for side in sides()}
        for name, what, code, words, bar in ASKED:
            times: dict[str, list[Seconds]] = {side.name: [] for side in sides()}
            for _ in range(RUNS + 1):
                for side in sides():
                    times[side.name].append(side.timed(places[side.name], code, words))
            wall = {side: [one.wall for one in each[1:]] for side, each in times.items()}
            cpu = {side: statistics.median(one.cpu for one in each[1:]) for side, each in times.items()}
            notes: dict[str, float] = {"bar": bar, "cpu": round(cpu["now"], 3)}
            if "before" in wall:
                notes |= {"before": round(statistics.median(wall["before"]), 4), "cpu_before": round(cpu["before"], 3)}
            value = statistics.median(wall["now"])
            yield figures.figure(name, value, f"s, {what}", RUNS, [0], COMMAND, wall["now"], **notes)
        found = {side.name: loaded(side, places[side.name]) for side in sides()}
    counts = {side: sum(len(names) for what, names in each.items() if what in FREE) for side, each in found.items()}
    before = {"before": counts["before"], "loaded_before": found["before"]} if "before" in counts else {}
    unit = "large libraries loaded by import, help and alerts"
    yield figures.figure("H1e", counts["now"], unit, len(FREE), [], COMMAND, bar=0, loaded=found["now"], **before)


def build(side: Side, folder: Path) -> Path:
    """Return a workspace of twenty pairs, played by this side."""
    folder.mkdir()
    ws = folder / "ws"
    here, first = ("-w", ws), deliver(folder / "plant-0.csv", rows=600, shift=0.0, seed=0)
    side.play(
        folder,
        [
            ("init", ws, "--from", first, "--label", "label"),
            (*here, "ingest", "plant-0", first, "--local"),
            (*here, "pretrain", "--local"),
        ],
        SETTINGS,
    )
    for number in range(1, PAIRS + 1):
        name, shift = f"plant-{number}", 0.02 * number
        rows = deliver(folder / f"{name}.csv", rows=400, shift=shift, seed=number)
        window = deliver(folder / f"{name}-w1.csv", rows=100, shift=shift, seed=100 + number, labelled=False)
        commands = [
            (*here, "ingest", name, rows, "--new", "--local"),
            (*here, "transfer", name, "--strategy", "probe", "--local"),
            (*here, "ingest", name, window, "--local"),
        ]
        for late in range(2 if number <= DRIFTED else 0):
            moved = folder / f"{name}-w{late + 2}.csv"
            deliver(moved, rows=100, shift=shift + 3.0, seed=200 + number + 50 * late, labelled=False)
            commands.append((*here, "ingest", name, moved, "--local"))
        side.play(folder, commands, SETTINGS)
    side.play(folder, [(*here, "monitor", "--local")], SETTINGS)
    return ws


def deliver(path: Path, *, rows: int, shift: float, seed: int, labelled: bool = True) -> Path:
    """Write a delivery of a plant."""
    plant(rows, shift, seed, labelled).to_csv(path, index=False)
    return path


def loaded(side: Side, ws: Path) -> dict[str, list[str]]:
    """Return which large libraries are in `sys.modules` at the end of each question, by its figure."""
    found = {}
    for name, _, code, words, _ in ASKED:
        result = ws.parent / f"{name}.txt"
        told = (
            f"import atexit, sys; atexit.register(lambda: open({str(result)!r}, 'w').write("
            f"' '.join(n for n in {LARGE!r} if n in sys.modules)))\n{code}"
        )
        side.timed(ws, told, words)
        found[name] = result.read_text().split()
    return found
