"""P6: a training killed by SIGKILL at a random moment, gone on with, against the same undisturbed: are the bits equal?

Ten kills, of a chain of two stages on digits, each in a process of its own; the checkpoints are half a second apart.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import figures

KILLS = 10
COMMAND = "python benchmarks/pretraining --only P6"
PROGRAM = """
import sys
sys.path[:0] = [{here!r}, {above!r}]
from pathlib import Path
from digits import CLASSES
from few import rows_of
from lepton.core.config.settings import EncoderConfig, PretrainConfig
from lepton.pretraining import pretrain
config = PretrainConfig(objectives=("vicreg", "supervised"), epochs=3, checkpoint_seconds=0.5)
print("ready", flush=True)
done = pretrain(rows_of("mnist", 3000, 0), CLASSES, EncoderConfig(), config, threads=1, folder=Path(sys.argv[1]))
print(done.model.digest(), flush=True)
"""


def run(folder: Path, after: float | None = None) -> str | None:
    """Train in a process of its own; kill it `after` seconds of training. Return the model's digest, None if killed."""
    here = Path(__file__).resolve().parent
    program = PROGRAM.format(here=str(here), above=str(here.parent))
    with subprocess.Popen([sys.executable, "-c", program, str(folder)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready"
        if after is not None:
            time.sleep(after)
            process.send_signal(signal.SIGKILL)
        said = process.stdout.read().strip()
    return said or None


def measure() -> list[figures.Figure]:
    """Return how many of the killed and continued trainings ended with the bits of the undisturbed one."""
    rng = random.Random(0)
    with TemporaryDirectory() as folder:
        started = time.perf_counter()
        expected = run(Path(folder) / "whole")
        seconds = time.perf_counter() - started
        equal, killed = 0, 0
        for number in range(KILLS):
            place = Path(folder) / f"killed-{number}"
            after = rng.uniform(0.1, 0.9) * seconds
            killed += run(place, after) is None
            found = run(place)
            equal += found == expected
            print("P6", number, f"killed after {after:.1f} of {seconds:.1f} s", found == expected, flush=True)
    return [
        figures.figure(
            *("P6", equal, "of 10 trainings bit-identical after a kill", KILLS, [0], COMMAND), bar="10", killed=killed
        )
    ]
