"""D4: a delivery of 20,000,000 rows x 20 columns through the real command line, as whole processes.

a, b: the most memory that `ingest` takes, of Parquet and of CSV. c: that of `score`. d: what reading the batch with
pyarrow and the bare forward of the network take, one thread, of what `score` takes, in seconds of the processor. e, f:
whether a score and an ingest that are killed (-9) in the middle and given again write the same bytes as without a kill.

LEPTON_ROWS=200000 in the environment tries it with fewer rows. The files lie in the system's folder for temporary ones
(TMPDIR), which needs 20 GB for all rows.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import figures
import pyarrow as pa
import rows as delivery
from d1 import executable
from sides import QUIET

from lepton.core.work.files import sha256

COMMAND = "python benchmarks/deliveries --only D4"
ROWS = int(os.environ.get("LEPTON_ROWS", "20000000"))
FEW = 2_000
"""Rows of the labelled deliveries that the champion is made from."""
BARE_ROWS = 1_000_000
"""Most rows that are sent through the bare network; the seconds of more are in proportion."""
SETTINGS = QUIET | {"LEPTON_PRETRAIN__EPOCHS": "5", "LEPTON_TRANSFER__MARGIN": "0.1"}
SITE = "site-2"
BARE = """
import json, sys, time
from pathlib import Path
import pyarrow.parquet as pq, torch
from lepton.core.config.workspace import Workspace
from lepton.data.stream import stream
from lepton.models.model import CHUNK
from lepton.operations.session import Session
root, domain, path, most = sys.argv[1:]
torch.set_num_threads(1)
session, began = Session(Workspace(Path(root))), time.process_time()
with pq.ParquetFile(path, pre_buffer=False) as file:
    count = sum(len(batch) for batch in file.iter_batches(batch_size=131072, use_threads=False))
read = time.process_time() - began
model, done, forward = session.load(session.serving_of(domain).ref).model, 0, 0.0
for _, table in stream(Path(path), 1024 * CHUNK):
    x = model.inputs.to_tensor(table)
    with torch.no_grad():
        began = time.process_time()
        for at in range(0, len(x), CHUNK):
            model(x[at : at + CHUNK])
        forward += time.process_time() - began
    done += len(x)
    if done >= int(most):
        break
print(json.dumps({"read": read, "forward": forward * count / done}))
"""


@dataclass(frozen=True)
class Run:
    """What a process took."""

    wall: float
    cpu: float
    peak: float
    """MB."""
    out: str


def measure() -> Iterator[figures.Figure]:
    """Yield the peaks of ingest and score, the ratio, and whether a kill leaves the same bytes."""
    with tempfile.TemporaryDirectory(prefix="lepton-d4-") as folder:
        place = Path(folder)
        program = executable(place / "lepton")
        ws = start(program, place)
        kept = Path(shutil.copytree(ws, place / "kept", symlinks=True))
        file = delivery.write(place / "big.parquet", delivery.pieces(ROWS, FEW, 0.3))
        took = run(ingest(program, ws, file), place)
        yield _ingested("D4a", took, "Parquet")
        expected = sha256(batch_of(ws))
        yield from scores(program, place, ws)
        put_back(kept, ws)
        yield _same("D4f", "an ingest", killed_ingest(program, place, ws, file, took.wall) == expected)
        file.unlink()
        put_back(kept, ws)
        file = delivery.write(place / "big.csv", delivery.pieces(ROWS, FEW, 0.3))
        yield _ingested("D4b", run(ingest(program, ws, file), place), "CSV")


def start(program: Path, place: Path) -> Path:
    """Return a workspace whose target has something that serves."""
    ws, source, target = place / "ws", place / "site-1.csv", place / f"{SITE}.csv"
    delivery.write(source, delivery.pieces(FEW, 0, 0.0, labelled=True))
    delivery.write(target, delivery.pieces(FEW, 10**8, 0.3, labelled=True))
    for words in (
        ("init", ws, "--from", source, "--label", "label", "--id", "id", "--yes"),
        ("-w", ws, "ingest", "site-1", source, "--local"),
        ("-w", ws, "pretrain", "--local"),
        ("-w", ws, "ingest", SITE, target, "--new", "--local"),
        ("-w", ws, "transfer", SITE, "--strategy", "probe", "--local"),
    ):
        run([program, *words], place, codes=(0, 3))
    return ws


def scores(program: Path, place: Path, ws: Path) -> Iterator[figures.Figure]:
    """Yield what a score takes, and whether one that is killed writes the same bytes."""
    command = [program, "-w", ws, "score", SITE, "--batch", "big", "--local"]
    part = killed(command, place, lambda: rows_there(ws) >= ROWS / 2)
    begun = next((ws / ".lepton" / "work").glob("score-*/begun.json"), None) if part else None
    if begun is None:
        raise SystemExit("The score was over before it could be killed: LEPTON_ROWS is too small.")
    kept, when = begun.parent, begun.read_bytes()
    run(command, place)
    (log,) = (ws / ".lepton" / "predictions" / SITE).glob("big.*.parquet")
    expected = sha256(log)
    log.unlink()
    # The same work, begun at the same time, without a part: what is measured has to do all of it.
    kept.mkdir(parents=True)
    (kept / "begun.json").write_bytes(when)
    took = run(command, place)
    said("score", took)
    batch = batch_of(ws)
    bare = json.loads(run([sys.executable, "-c", BARE, ws, SITE, batch, min(ROWS, BARE_ROWS)], place).out)
    notes = {"seconds": {"score": round(took.cpu, 1), **{key: round(value, 1) for key, value in bare.items()}}}
    unit = f"MB at most, score of {ROWS:,} rows x 20 columns"
    yield figures.figure("D4c", took.peak, unit, 1, [delivery.SEED], COMMAND, bar=1000, wall=round(took.wall, 1))
    ratio = (bare["read"] + bare["forward"]) / took.cpu
    unit = "of the time of score is reading and the bare forward"
    yield figures.figure("D4d", ratio, unit, 1, [delivery.SEED], COMMAND, bar=0.7, rows=ROWS, **notes)
    yield _same("D4e", "a score", sha256(log) == expected)


def killed_ingest(program: Path, place: Path, ws: Path, file: Path, wall: float) -> str:
    """Return the digest of what an ingest stores that is killed half way and given again."""
    until = time.monotonic() + wall / 2
    if not killed(ingest(program, ws, file), place, lambda: time.monotonic() > until):
        raise SystemExit("The ingest was over before it could be killed: LEPTON_ROWS is too small.")
    run(ingest(program, ws, file), place)
    return sha256(batch_of(ws))


def ingest(program: Path, ws: Path, file: Path) -> list[object]:
    """Return the command that takes the large delivery in."""
    return [program, "-w", ws, "ingest", SITE, file, "--local"]


def killed(command: list[object], place: Path, due: Callable[[], bool]) -> bool:
    """Kill a process when it is due; return whether it was still at work."""
    with tempfile.TemporaryFile("w+") as told:
        words = [str(one) for one in command]
        process = subprocess.Popen(words, cwd=place, env=environ(), stdout=told, stderr=told)
        while process.poll() is None and not due():
            time.sleep(0.01)
        process.kill()
        if process.wait() > 0:
            told.seek(0)
            raise SystemExit(f"{command} ended with {process.returncode}:\n{told.read()}")
    return process.returncode < 0


def rows_there(ws: Path) -> int:
    """Return how many rows an unfinished score has answered."""
    parts = sorted((ws / ".lepton" / "work").glob("score-*/*.arrow"))
    if not parts:
        return 0
    with pa.OSFile(str(parts[0])) as file, pa.ipc.open_file(file) as first:
        return len(parts) * first.read_all().num_rows


def run(command: list[object], place: Path, codes: tuple[int, ...] = (0,)) -> Run:
    """Run a process to its end, with what it and those that it waited for took."""
    began = time.perf_counter()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen([str(one) for one in command], cwd=place, env=environ(), stdout=out, stderr=err)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - began
        out.seek(0)
        told = out.read()
        if process.returncode not in codes:
            err.seek(0)
            raise SystemExit(f"{command} ended with {process.returncode}:\n{told}\n{err.read()}")
    return Run(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, told)


def environ() -> dict[str, str]:
    """Return the environment of a process: no setting but ours."""
    ours = {key: value for key, value in os.environ.items() if not key.startswith("LEPTON_")}
    paths = [str(figures.ROOT), str(figures.ROOT / "flows"), *filter(None, [ours.get("PYTHONPATH")])]
    return {**ours, **SETTINGS, "PYTHONPATH": os.pathsep.join(paths)}


def put_back(kept: Path, ws: Path) -> None:
    """Bring the workspace back to what it was, at the same place: MLflow knows its files by their full paths."""
    shutil.rmtree(ws)
    shutil.copytree(kept, ws, symlinks=True)


def batch_of(ws: Path) -> Path:
    """Return the file of the large batch."""
    (found,) = (ws / "data" / SITE).glob("*-big.parquet")
    return found


def said(what: str, took: Run) -> None:
    """Print what a process took."""
    print(f"  {what}: {took.wall:.1f} s, {took.cpu:.1f} of the processor, {took.peak:,.0f} MB", flush=True)


def _ingested(name: str, took: Run, kind: str) -> figures.Figure:
    said(f"ingest of {kind}", took)
    unit = f"MB at most, ingest of {ROWS:,} rows x 20 columns ({kind})"
    return figures.figure(name, took.peak, unit, 1, [delivery.SEED], COMMAND, bar=1000, wall=round(took.wall, 1))


def _same(name: str, what: str, same: bool) -> figures.Figure:
    unit = f"of 1: {what} killed in the middle and given again writes the same bytes"
    return figures.figure(name, int(same), unit, 1, [delivery.SEED], COMMAND, bar=1, rows=ROWS)
