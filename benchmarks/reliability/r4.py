"""R4: broken surroundings in which a command waits or refuses with a clear error, and nothing is lost in the end.

A full disk, folders that cannot be written to, DVC's remote away, MLflow's database locked, its server restarted under
a registration, the clock set back; each under real commands on a real workspace. Held means: no traceback, an error
with a cause or a way out unless the command waited it out, and after the same command again, with everything mended,
exactly what there is when nothing was ever broken. Two cases need the right to mount. Takes about four minutes.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import figures

sys.path.append(str(figures.ROOT))

COMMAND = "python benchmarks/reliability --only R4"


def measure() -> Iterator[figures.Figure]:
    """Yield how many of the cases held; `told` says what the command said or did in each."""
    from tests.broken import CannotMount
    from tests.crash import Plant
    from tests.surroundings import CASES, Bench

    told, held = {}, 0
    with tempfile.TemporaryDirectory(prefix="lepton-r4-") as folder:
        bench = Bench(Plant(Path(folder)))
        for name, case in CASES.items():
            try:
                told[name] = case(bench)
                held += 1
            except CannotMount as error:
                told[name] = f"not tried, this machine lets us mount nothing: {error}"
            except AssertionError as error:
                told[name] = f"FAILED: {error}"
    yield figures.figure("R4", held, "cases", len(CASES), [0, 1, 2], COMMAND, told=told)
