"""What the tests of a real stack share: the command line as a person runs it, a stack that is taken down, patience."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lepton.core.config.workspace import Workspace
from tests.conftest import make_plant

LEPTON = [sys.executable, "-c", "from lepton.cli.main import run; run()"]


def played(*arguments: object, settings: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Return what became of a command, with no setting but those given."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("LEPTON_", "PREFECT_"))}
    command = [*LEPTON, *map(str, arguments)]
    environ |= settings or {}
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=200, check=False)


def lepton(*arguments: object) -> str:
    """Return what a command prints that must end well."""
    done = played(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    return done.stdout


@contextmanager
def small_stack(folder: Path) -> Iterator[Workspace]:
    """Yield a workspace with its stack up and the schedules on."""
    make_plant(60, 0.0, seed=1).to_csv(folder / "plant-1.csv", index=False)
    root = folder / "ws"
    lepton("init", root, "--from", folder / "plant-1.csv")
    try:
        lepton("-w", root, "up")
        yield Workspace(root)
    finally:
        lepton("-w", root, "down")


def wait_for(sign: Callable[[], Any], seconds: float = 60) -> Any:
    """Return the first answer that is not empty."""
    deadline = time.monotonic() + seconds
    while not (answer := sign()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.5)
    return answer
