"""H3: one monitor of ten waiting windows: loads of the champion (a), readings of the reference (b), time (c).

The demo's digits: the target's first delivery is the reference, ten windows of 100 images each wait. Counted where
files are read, see `spy`. c is the wall time of the whole process beside that of an older checkout, which needs
`--against`: three rounds, the two in turn, each from the same state; the median of the rounds' ratios, and beside it
(`cpu`) the same of the processor's time, which a busy machine disturbs less. Takes about eight minutes.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import figures
from deliveries import digit_windows, digits
from sides import LEPTON, Seconds, Side, bring_back, keep, sides, weights

COMMAND = "python benchmarks/house --only H3 --against FOLDER"
SETTINGS = {"LEPTON_PRETRAIN__EPOCHS": "3", "LEPTON_TRANSFER__MARGIN": "0.1"}
WINDOWS, ROUNDS = 10, 3
MONITOR = ("monitor", "optdigits", "--local")


def measure() -> Iterator[figures.Figure]:
    """Yield both counts, and the ratio where there is something to compare with."""
    with tempfile.TemporaryDirectory(prefix="lepton-h3-") as folder:
        made = {side.name: build(side, Path(folder, side.name)) for side in sides()}
        kept = {name: keep(ws) for name, ws in made.items()}
        counted = {side.name: count(side, made[side.name]) for side in sides()}
        for name, what, unit in (
            ("H3a", "champion", "loads of the champion, ten windows"),
            ("H3b", "reference", "readings of the reference, ten windows"),
        ):
            before = {"before": counted["before"][what]} if "before" in counted else {}
            notes = {"readings_of_a_window": counted["now"]["window"], "weights": counted["now"]["all"]}
            yield figures.figure(name, counted["now"][what], unit, WINDOWS, [0], COMMAND, bar=1, **notes, **before)
        times: dict[str, list[Seconds]] = {side.name: [] for side in sides()}
        for _ in range(ROUNDS):
            for side in reversed(sides()):
                ws = made[side.name]
                bring_back(ws, kept[side.name])
                times[side.name].append(side.timed(ws, LEPTON, MONITOR, SETTINGS))
    if "before" not in times:
        took = statistics.median(one.wall for one in times["now"])
        print(f"H3c   skipped: it needs --against FOLDER; ten windows took {took:.1f} s")
        return
    rounds = list(zip(times["now"], times["before"], strict=True))
    ratios = [now.wall / before.wall for now, before in rounds]
    notes = {
        "cpu": round(statistics.median(now.cpu / before.cpu for now, before in rounds), 4),
        "seconds": {name: [[round(one.wall, 2), round(one.cpu, 2)] for one in each] for name, each in times.items()},
    }
    unit = "of the time before, ten windows"
    yield figures.figure("H3c", statistics.median(ratios), unit, ROUNDS, [0], COMMAND, ratios, bar=0.5, **notes)


def build(side: Side, folder: Path) -> Path:
    """Return a workspace with a champion that is not the base, and ten windows that nobody has judged."""
    folder.mkdir()
    ws, (source, target) = folder / "ws", digits(folder)
    here = ("-w", ws)
    commands = [
        ("init", ws, "--from", source),
        (*here, "ingest", source.stem, source, "--local"),
        (*here, "pretrain", "--local"),
        (*here, "ingest", target.stem, target, "--new", "--local"),
        (*here, "transfer", target.stem, "--strategy", "finetune", "--local"),
        *((*here, "ingest", target.stem, window, "--local") for window in digit_windows(folder, WINDOWS)),
    ]
    side.play(folder, commands, SETTINGS)
    return ws


def count(side: Side, ws: Path) -> dict[str, Any]:
    """Return how often the monitor loads the champion and reads the reference and, at most, a window."""
    registered = weights(ws)
    found = side.spied(ws, MONITOR, SETTINGS)
    base = next(path for path in sorted(registered, key=lambda path: path.stat().st_mtime))
    champion = set(registered.values()) - {registered[base]}
    reads = {Path(path).name: reads for path, reads in found["rows"].items() if Path(path).parent.name == "optdigits"}
    return {
        "champion": sum(digest in champion for _, digest in found["weights"]),
        "reference": sum(reads[name] for name in reads if name.startswith("0001-")),
        "window": max(reads[name] for name in reads if not name.startswith("0001-")),
        "all": len(found["weights"]),
    }
