"""M7 and M8: one window of ten million rows and 20 columns of numbers, from Parquet, by the command that a user types.

A base is trained on a generated source of 20 columns and adapted to a generated target; then windows of 1e5, 1e6 and
1e7 rows, drifted by half a standard deviation in two columns, are laid into the target's folder, and `lepton monitor
TARGET --window NAME` runs as a process of its own: start of Python, answers of the champion, report and record
included. Beside it, in the same run, Evidently's preset alone on rows that are in memory already. The windows hold no
labels and are generated; nothing else is.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

import figures
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from lepton.core.config.workspace import Workspace
from lepton.data import batchfile, store

COLUMNS, SIZES, TARGET = 20, (100_000, 1_000_000, 10_000_000), "plant"
AT_ONCE = 500_000
LEPTON = [sys.executable, "-c", "from lepton.cli.main import run; run()"]
COMMAND = "python benchmarks/monitoring --only M7"
PRESET = """
import sys
import numpy as np, pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset
rows, rng = int(sys.argv[1]), np.random.default_rng(0)
old, new = (pd.DataFrame(rng.normal(size=(n, 20)), columns=[f"x{k}" for k in range(20)]) for n in (rows, rows))
new[["x0", "x1"]] += 0.5
Report([DataDriftPreset()]).run(new, old).save_html(sys.argv[2])
"""


@dataclass(frozen=True)
class Run:
    """One process."""

    seconds: float
    megabytes: float
    """Most resident memory."""
    output: str


def measure() -> list[figures.Figure]:
    """Return seconds and memory of the largest window, Evidently's preset beside it, and seconds at each size."""
    with TemporaryDirectory() as folder:
        ws = prepare(Path(folder))
        runs: dict[int, Run] = {}
        for rows in SIZES:
            write_window(ws, rows)
            runs[rows] = timed([*LEPTON, "monitor", TARGET, "--window", _name(rows), "--local", "--json"], ws.root)
            (seen,) = json.loads(runs[rows].output)["windows"]
            assert seen["observation"]["rows"] == rows, seen
            assert max(seen["observation"]["scores"].values()) >= 1, seen
            assert Path(seen["observation"]["report"]).exists()
            print("M7", rows, f"{runs[rows].seconds:.1f} s", f"{runs[rows].megabytes:.0f} MB", flush=True)
        beside = {}
        for rows in SIZES[:2]:
            beside[rows] = timed([sys.executable, "-W", "ignore", "-c", PRESET, str(rows), "preset.html"], ws.root)
            print("preset", rows, f"{beside[rows].seconds:.1f} s", f"{beside[rows].megabytes:.0f} MB", flush=True)
    largest, small, middle = runs[SIZES[-1]], beside[SIZES[0]], beside[SIZES[1]]
    return [
        _figure("M7a", largest.seconds, "s, one window of 10,000,000 x 20, whole process", bar="<= 60"),
        _figure("M7b", largest.megabytes, "MB, most resident memory of it", bar="<= 1000"),
        _figure("M7c", small.seconds, "s, Evidently's preset on 100,000 x 20", mb=small.megabytes),
        _figure("M7d", middle.seconds, "s, Evidently's preset on 1,000,000 x 20", mb=middle.megabytes),
        *(
            _figure(f"M8{part}", runs[rows].seconds, f"s, one window of {rows:,} x 20", mb=runs[rows].megabytes)
            for part, rows in zip("abc", SIZES, strict=True)
        ),
    ]


def prepare(folder: Path) -> Workspace:
    """Return a workspace with a base, a champion of the target, and no window."""
    frames = {name: rows_of(4000, seed, labelled=True) for name, seed in (("works", 1), (TARGET, 2))}
    for name, frame in frames.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    root = folder / "ws"
    for command in (
        ["init", "--from", str(folder / "works.csv"), "--source", "works"],
        ["ingest", "works", str(folder / "works.csv"), "--local"],
        ["pretrain", "--local"],
        ["ingest", TARGET, str(folder / f"{TARGET}.csv"), "--new", "--local"],
        ["transfer", TARGET, "--local"],
    ):
        where = folder if command[0] == "init" else root
        extra = [str(root)] if command[0] == "init" else []
        timed([*LEPTON, command[0], *extra, *command[1:]], where)
    return Workspace(root)


def rows_of(count: int, seed: int, labelled: bool = False, drift: float = 0.0) -> pd.DataFrame:
    """Return `count` generated rows of 20 columns; the label hangs on three of them."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(count, COLUMNS)), columns=[f"x{k}" for k in range(COLUMNS)])
    if labelled:
        frame["label"] = np.where(
            frame["x2"] + frame["x3"] - frame["x4"] + rng.normal(0, 0.5, count) > 0, "good", "bad"
        )
    frame[["x0", "x1"]] += drift
    return frame


def write_window(ws: Workspace, rows: int) -> None:
    """Lay a drifted window into the target's folder, written in pieces so that it needs no memory."""
    folder = ws.data_dir / TARGET
    path = folder / f"{len(store.batch_files(ws, TARGET)) + 1:04d}-{_name(rows)}.parquet"
    about = {"format": batchfile.FORMAT, "kind": "tabular", "rows": rows, "content": _name(rows)}
    about["columns"] = [f"x{k}" for k in range(COLUMNS)]
    writer = None
    for start in range(0, rows, AT_ONCE):
        count = min(AT_ONCE, rows - start)
        columns = {"id": pa.array([f"{rows}-{k}" for k in range(start, start + count)])}
        columns["label"] = pa.nulls(count, pa.string())
        columns |= {name: pa.array(values) for name, values in rows_of(count, start + 7, drift=0.5).items()}
        piece = pa.table(columns).replace_schema_metadata({batchfile.METADATA: json.dumps(about).encode()})
        writer = writer or pq.ParquetWriter(path, piece.schema, compression="zstd")
        writer.write_table(piece)
    if writer:
        writer.close()


def timed(command: list[str], where: Path) -> Run:
    """Run a process to its end; exit codes 0 and 4 (drift is confirmed) are good."""
    started = time.perf_counter()
    with (
        TemporaryFile("w+") as errors,
        subprocess.Popen(command, cwd=where, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - started
        if process.returncode not in (0, 4):
            errors.seek(0)
            raise SystemExit(f"{command} ended with {process.returncode}:\n{output}\n{errors.read()}")
    return Run(seconds, usage.ru_maxrss / 1024, output)


def _name(rows: int) -> str:
    return f"rows-{rows}"


def _figure(name: str, value: float, unit: str, **notes: object) -> figures.Figure:
    return figures.figure(name, value, unit, 1, [0], COMMAND, **notes)
