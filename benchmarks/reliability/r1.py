"""R1: points at which a process was killed with SIGKILL and the same command, given again, put everything in order.

Ingest, labels, refusals, pretraining, transfers, promotions by gate, person and hand, rollback, recall and the monitor,
each killed at every named point it comes by, in a real process on a real workspace. Right after the kill no alias may
be on a version that the ledger does not know or that does not verify, and no file half-written. After the same command
again: its own exit code, what is on record and on the disk equal to a run without a kill (no batch lost, no promotion
twice), finished steps not done again, MLflow equal to the ledger, the data versioned and pushed, nothing left behind.
Takes about eight minutes.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import figures

sys.path.append(str(figures.ROOT))

COMMAND = "python benchmarks/reliability --only R1"


def measure() -> Iterator[figures.Figure]:
    """Yield how many of all points completed; `failing` names the others with what was wrong."""
    from tests.crash import Plant, course, trial, works
    from tests.points import PLAN

    tried, names, failing = 0, set(), {}
    with tempfile.TemporaryDirectory(prefix="lepton-r1-") as folder:
        plant = Plant(Path(folder))
        for work in works(*PLAN):
            known = course(plant, work)
            for point in PLAN[work.name]:
                tried += 1
                names.add(point)
                if wrong := trial(plant, known, point):
                    failing[f"{work.name} at {point}"] = wrong
    yield figures.figure(
        "R1", tried - len(failing), "points", tried, [0, 1, 2], COMMAND, names=len(names), failing=failing
    )
