"""S7: what the one file costs without lepton: bytes (a), seconds to a first answer (b), memory (c).

The champion is the demo's: the same data and the same network (its size does not hang on how long it was trained). A
process of Python with onnxruntime and numpy alone, isolated from everything else, loads the file, answers one image and
ends; the median of nine after one to warm up. Seconds are those of the processor, memory the most that was resident.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import champions
import figures
import numpy as np

COMMAND = "python benchmarks/serving --only S7"
ROUNDS = 9
ALONE = """import sys
import numpy as np
import onnxruntime
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
label, = session.run(["label"], {"image": np.load(sys.argv[2])})
assert not [name for name in sys.modules if name.partition(".")[0] in ("lepton", "torch", "pandas")]
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def measure() -> Iterator[figures.Figure]:
    """Yield bytes, seconds and memory."""
    served = champions.served("digits")
    with tempfile.TemporaryDirectory(prefix="lepton-s7-") as folder:
        file = served.ws.export(served.target, Path(folder, "champion.onnx")).file
        row = Path(folder, "row.npy")
        np.save(row, served.rows[:1])
        rounds = [alone(file, row) for _ in range(ROUNDS + 1)][1:]
        size = file.stat().st_size
    seconds, memory = [cpu for cpu, _ in rounds], [peak for _, peak in rounds]
    yield figures.figure("S7a", size, "bytes, the graph of the demo's champion", 1, [0], COMMAND, bar=1_000_000)
    told = "seconds of the processor, start of Python to a first answer"
    yield figures.figure("S7b", statistics.median(seconds), told, ROUNDS, [], COMMAND, seconds, bar=0.5)
    told = "MB resident at most, Python with onnxruntime and the graph"
    yield figures.figure("S7c", statistics.median(memory), told, ROUNDS, [], COMMAND, memory, bar=100)


def alone(file: Path, row: Path) -> tuple[float, float]:
    """Return the seconds of the processor and the most resident MB of one process."""
    words = [sys.executable, "-I", "-c", ALONE, str(file), str(row)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    _, status, used = os.wait4(process.pid, 0)
    assert process.stdout is not None
    said = process.stdout.read()
    if status:
        raise SystemExit(f"the process ended with {status}")
    return used.ru_utime + used.ru_stime, int(said) / 1024  # by its own word: wait4 counts what it was forked from
