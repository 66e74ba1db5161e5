"""Named points between the steps of the work, at which a test can end the process as a power cut would.

In production nothing sets the two variables and a point costs two look-ups in the environment.
"""

from __future__ import annotations

import os
import signal

KILL_AT = "LEPTON_FAULT_AT"
"""Name of the point at which this process is to kill itself with SIGKILL."""
LOG_TO = "LEPTON_FAULT_LOG"
"""File to which the name of every point that is reached is appended, a line each."""


def reached(point: str) -> None:
    """Say that a step is done; `point` reads `verb.what-is-done`, e.g. `ingest.stored`."""
    if log := os.environ.get(LOG_TO):
        with open(log, "a", encoding="utf-8") as file:
            file.write(f"{point}\n")
    if os.environ.get(KILL_AT) == point:
        os.kill(os.getpid(), signal.SIGKILL)
