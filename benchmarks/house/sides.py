"""The code that is measured, and the older checkout that it may be compared with: both through the command line.

Each side is a folder that Python looks into first, so that one environment serves both. What Python compiles of
either is kept in one place: where it is told to keep nothing, it would compile its imports in every process.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import figures

Words = Sequence[object]
"""Of one command, without `lepton`."""
LEPTON = "from lepton.cli.main import run; run()"
PLAYER = """import json, sys
from lepton.cli.main import run
for words in json.load(sys.stdin):
    sys.argv[1:] = words
    try:
        run()
    except SystemExit as ended:
        if ended.code not in (None, 0, 3, 4):
            sys.exit(f"{words} ended with {ended.code}")
"""
SPY = Path(__file__).with_name("spy.py")
COMPILED = figures.ROOT / ".lepton" / "bench" / "compiled"
QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DVC_NO_ANALYTICS": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "OMP_NUM_THREADS": "1",
    "LEPTON_THREADS": "1",
}
"""One thread: two that wait for each other on a busy machine would measure the machine."""
LIMIT = 550
"""Seconds that a single process may take."""


class Seconds(NamedTuple):
    """Of one process."""

    wall: float
    cpu: float
    """Of the process and its children: on a busy machine it says more than the wall time."""


@dataclass(frozen=True)
class Side:
    """A checkout of lepton."""

    name: str
    """`now` or `before`."""
    root: Path

    def environ(self, settings: dict[str, str] | None = None) -> dict[str, str]:
        """Return the environment of a process: this side's code first, no setting but those given."""
        ours = {key: value for key, value in os.environ.items() if not key.startswith("LEPTON_")}
        ours.pop("PYTHONDONTWRITEBYTECODE", None)
        # An older checkout has its flows in a package beside `lepton`, which is found by the root alone.
        places = [self.root, *([self.root / "flows"] if (self.root / "flows" / "lepton_flows").is_dir() else [])]
        path = os.pathsep.join(map(str, places))
        return {**ours, **QUIET, "PYTHONPATH": path, "PYTHONPYCACHEPREFIX": str(COMPILED), **(settings or {})}

    def check(self) -> Side:
        """Return this side if Python really takes its code.

        Raises:
            SystemExit: If another lepton is found first.
        """
        with tempfile.TemporaryDirectory() as folder:
            asked = [sys.executable, "-c", "import lepton; print(lepton.__file__)"]
            done = subprocess.run(asked, env=self.environ(), cwd=folder, capture_output=True, text=True, check=False)
        if not Path(done.stdout.strip()).is_relative_to(self.root):
            raise SystemExit(f"{self.root} is no checkout of lepton: Python finds {done.stdout or done.stderr}")
        return self

    def play(self, cwd: Path, commands: Iterable[Words], settings: dict[str, str] | None = None) -> None:
        """Play commands one after the other in one process: only what is measured must be alone."""
        told = json.dumps([[str(word) for word in words] for words in commands])
        self._run([sys.executable, "-c", PLAYER], cwd, settings, told, (0,))

    def timed(
        self,
        cwd: Path,
        code: str,
        words: Words = (),
        settings: dict[str, str] | None = None,
        codes: tuple[int, ...] = (0, 4),
    ) -> Seconds:
        """Return how long Python takes with this code, as a whole process that ends with one of these codes."""
        started, used = time.perf_counter(), _used()
        self._run([sys.executable, "-c", code, *map(str, words)], cwd, settings, "", codes)
        return Seconds(time.perf_counter() - started, _used() - used)

    def spied(self, cwd: Path, words: Words, settings: dict[str, str] | None = None) -> dict[str, Any]:
        """Return what one command read, and which libraries it had loaded in the end; see `spy`."""
        with tempfile.TemporaryDirectory() as folder:
            result = Path(folder, "spied.json")
            self._run([sys.executable, str(SPY), str(result), *map(str, words)], cwd, settings, "", (0, 3, 4))
            found: dict[str, Any] = json.loads(result.read_text())
        return found

    def says(self, cwd: Path, words: Words) -> str:
        """Return what one command prints."""
        return self._run([sys.executable, "-c", LEPTON, *map(str, words)], cwd, None, "", (0,))

    def _run(
        self, command: list[str], cwd: Path, settings: dict[str, str] | None, told: str, codes: tuple[int, ...]
    ) -> str:
        done = subprocess.run(
            command,
            env=self.environ(settings),
            cwd=cwd,
            input=told,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        if done.returncode not in codes:
            raise RuntimeError(f"{self.name}: {command[2:]} ended with {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout


_sides = [Side("now", figures.ROOT)]


def choose(against: Path) -> None:
    """Measure this older checkout beside the code of now."""
    _sides[1:] = [Side("before", against).check()]


def sides() -> list[Side]:
    """Return the code of now, then the older one if there is one to compare with."""
    return [_sides[0].check(), *_sides[1:]]


def _used() -> float:
    """Return the processor's seconds of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def weights(ws: Path) -> dict[Path, str]:
    """Return every registered weights file of a workspace with its SHA-256; candidates in work do not count."""
    found = sorted((ws / ".lepton").rglob("weights.safetensors"))
    kept = [path for path in found if not {"work", "cache"} & set(path.relative_to(ws / ".lepton").parts[:-1])]
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in kept}


def keep(ws: Path) -> Path:
    """Return a copy of a workspace, to bring it back from."""
    return Path(shutil.copytree(ws, ws.with_name(f"{ws.name}-kept"), symlinks=True))


def bring_back(ws: Path, kept: Path) -> None:
    """Make a workspace what it was, at the same place: its registry holds whole paths."""
    shutil.rmtree(ws)
    shutil.copytree(kept, ws, symlinks=True)
