"""D5: how the time of an ingest grows with the columns of a delivery: 1,000 rows of 50, 500 and 5,000 columns.

Whole processes of the command line, in workspaces of their own; the value is what 5,000 columns take to what 500 take,
in seconds of the processor, which a busy machine disturbs less. Linear is at most 12 here: a tenth is what any ingest
costs. Beside it the wall time of 5,000 columns, which may be 60 s.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import figures
import numpy as np
import pandas as pd
from d1 import executable

COMMAND = "python benchmarks/deliveries --only D5"
ROWS, COLUMNS, SEED = 1_000, (50, 500, 5_000), 0
WALL = 60
"""Most seconds that 5,000 columns may take."""


def measure() -> Iterator[figures.Figure]:
    """Yield the ratio, with the seconds of each width."""
    wall, cpu = {}, {}
    with tempfile.TemporaryDirectory(prefix="lepton-d5-") as folder:
        program = executable(Path(folder, "lepton"))
        play(program, Path(folder), columns=10)  # compiles what was not compiled yet
        for columns in COLUMNS:
            wall[columns], cpu[columns] = play(program, Path(folder), columns)
            print(f"  {columns:>5} columns: {wall[columns]:.1f} s, {cpu[columns]:.1f} of the processor", flush=True)
    few, many = COLUMNS[-2:]
    unit = f"times as long for {many:,} columns as for {few}"
    seconds = {str(columns): [round(wall[columns], 2), round(cpu[columns], 2)] for columns in COLUMNS}
    notes = {"seconds": seconds, "wall": round(wall[many], 1), "wall_bar": WALL}
    yield figures.figure("D5", cpu[many] / cpu[few], unit, len(COLUMNS), [SEED], COMMAND, bar=12, **notes)


def play(program: Path, folder: Path, columns: int) -> tuple[float, float]:
    """Return how long the ingest of so many columns takes: on the clock, and of the processor."""
    random = np.random.default_rng(SEED)
    frame = pd.DataFrame(random.normal(size=(ROWS, columns)).round(4), columns=[f"c{k}" for k in range(columns)])
    frame["label"] = np.where(frame["c0"] > 0, "a", "b")
    delivery = folder / f"wide-{columns}.csv"
    frame.to_csv(delivery, index=False)
    here = folder / f"ws-{columns}"
    run(program, folder, "init", here, "--from", delivery, "--label", "label")
    began, used = time.perf_counter(), spent()
    run(program, folder, "-w", here, "ingest", delivery.stem, delivery, "--local")
    return time.perf_counter() - began, spent() - used


def run(program: Path, folder: Path, *words: object) -> None:
    """Run one command; it must succeed."""
    done = subprocess.run([str(program), *map(str, words)], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{words} ended with {done.returncode}\n{done.stdout}{done.stderr}")


def spent() -> float:
    """Return the processor's seconds of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
