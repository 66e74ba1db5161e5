"""D3: damaged files of every format, given to the readers: refused with a cause, never a traceback, slow or large.

Each file is a good one with some bytes flipped, cut out, swapped or written twice. They are read by processes of their
own, whose memory is limited: one that ends otherwise than with an answer counts as a traceback. Tables are read twice:
whole, as at first sight, and some rows at a time, as under a contract.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import figures
import numpy as np
import pandas as pd
import pyarrow as pa

COMMAND = "python benchmarks/deliveries --only D3"
FILES, AT_ONCE, SEED = 20_000, 1_000, 0
GIGABYTES, SECONDS = 3, 10
"""Address space of a reading process, of which the libraries take two; most time for one file."""
TABLES = ("d.csv", "d.csv.gz", "d.csv.zst", "d.parquet", "p/part-0.parquet")
NAMES = (*TABLES, "d.npz", "f/a/1.png", "f/a/1.jpg", "f/a/1.tif", "f/a/1.gif")


def measure() -> Iterator[figures.Figure]:
    """Yield how many files ended in a traceback or took too long."""
    told: Counter[str] = Counter()
    wrong: list[str] = []
    slowest = 0.0
    with tempfile.TemporaryDirectory(prefix="lepton-d3-") as folder:
        for first in range(0, FILES, AT_ONCE):
            place = Path(folder, str(first))
            place.mkdir()
            found = subprocess.run(
                [sys.executable, __file__, str(place), str(first), str(AT_ONCE)],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                capture_output=True,
                text=True,
                check=False,
            )
            lines = [json.loads(line) for line in found.stdout.splitlines()]
            if len(lines) < AT_ONCE:
                wrong.append(f"file {first + len(lines)}: {found.stderr.strip().splitlines()[-1:] or found.returncode}")
            told.update(line["told"] for line in lines)
            wrong += [
                f"file {line['file']} ({line['name']}): {line['why']}" for line in lines if line["told"] == "broke"
            ]
            slowest = max(slowest, *(line["seconds"] for line in lines), 0.0)
    unit = "damaged files that ended in a traceback, or took too long"
    notes = {"read": told["read"], "refused": told["refused"], "slowest": round(slowest, 2), "such": wrong[:5]}
    yield figures.figure("D3", len(wrong), unit, FILES, [SEED], COMMAND, bar=0, **notes)


def good(name: str) -> bytes:
    """Return the bytes of a good file."""
    random = np.random.default_rng(1)
    frame = pd.DataFrame(
        {"x": random.normal(size=40), "t": random.choice(["red", 'a "b"', "two\nlines"], 40), "label": ["a", "b"] * 20}
    )
    buffer = io.BytesIO()
    if name.endswith(".csv"):
        return frame.to_csv(index=False).encode()
    if name.endswith(".gz"):
        return gzip.compress(frame.to_csv(index=False).encode(), mtime=0)
    if name.endswith(".zst"):
        return bytes(pa.compress(frame.to_csv(index=False).encode(), "zstd", asbytes=True))
    if name.endswith(".parquet"):
        frame.to_parquet(buffer, index=False)
    elif name.endswith(".npz"):
        np.savez_compressed(buffer, x=random.integers(0, 256, (20, 6, 6), dtype=np.uint8), y=np.arange(20) % 2)
    else:
        from PIL import Image

        kind = {"png": "PNG", "jpg": "JPEG", "tif": "TIFF", "gif": "GIF"}[name.rpartition(".")[2]]
        Image.fromarray(random.integers(0, 256, (16, 16), dtype=np.uint8)).save(buffer, kind)
    return buffer.getvalue()


def damaged(content: bytes, random: np.random.Generator) -> bytes:
    """Return the bytes with some of them flipped, cut out, swapped or written twice."""
    found = bytearray(content)
    for _ in range(int(random.integers(1, 5))):
        if not found:
            break
        at, length = int(random.integers(len(found))), int(random.integers(1, 9))
        match int(random.integers(5)):
            case 0:
                found[at] ^= 1 << int(random.integers(8))
            case 1:
                del found[at : at + length]
            case 2:
                del found[at:]
            case 3:
                found[at:at] = found[at : at + length]
            case _:
                found[at : at + length] = random.bytes(length)
    return bytes(found)


def read_all(place: Path, first: int, count: int) -> None:
    """Read files one after another, and print a line of JSON for each."""
    from lepton.core.errors import LeptonError
    from lepton.data.readers import Reading, pieces, read_delivery

    settled = Reading(kind="tabular", numbers=("x",), categories=("t",), classes=("a", "b"), settled=True)
    wholes = {name: good(name) for name in NAMES}
    for name in NAMES:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
    size = GIGABYTES << 30
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    for file in range(first, first + count):
        name = NAMES[file % len(NAMES)]
        path = place / name
        path.write_bytes(damaged(wholes[name], np.random.default_rng([SEED, file])))
        began, told, why = time.monotonic(), "read", ""
        given = path.parent if path.parent.name == "p" else place / "f" if name.startswith("f/") else path
        try:
            try:
                read_delivery(given)
            finally:
                if name in TABLES:
                    sum(len(piece.table) for piece in pieces(given, settled))
        except LeptonError:
            told = "refused"
        except Exception as error:  # what is counted
            told, why = "broke", f"{type(error).__name__}: {error}"[:200]
        seconds = time.monotonic() - began
        if told != "broke" and seconds > SECONDS:
            told, why = "broke", f"took {seconds:.0f} s"
        path.unlink()
        print(json.dumps({"file": file, "name": name, "told": told, "why": why, "seconds": seconds}), flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(figures.ROOT))
    read_all(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
