"""Real processes of the command line without the seconds of importing it: forked from one that has all in memory.

Python's fork server imports what the commands need, does nothing else, and forks at each request; so no thread, no
lock and no connection is there to be inherited, and what is forked dies of SIGKILL as any process does.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LIMIT = 240.0
"""Seconds after which a process hangs."""
QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",
    "DVC_NO_ANALYTICS": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "TQDM_DISABLE": "1",
    "OMP_NUM_THREADS": "1",
}


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    code: int
    """Below zero: the signal that ended it."""
    out: str
    err: str
    reached: tuple[str, ...]
    """The named points it came by, in order."""

    @property
    def text(self) -> str:
        """Both streams."""
        return self.out + self.err


class Processes:
    """Starts processes of the command line, one after the other."""

    def __init__(self, folder: Path) -> None:
        """Start the process that all others are forked from.

        Args:
            folder: For what they say; made if it is not there.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["tests.warm"])
        before = dict(os.environ)
        os.environ.update({**QUIET, "PREFECT_HOME": str(folder / "prefect"), "PYTHONPATH": str(ROOT)})
        try:
            self.call(os.getpid)
        finally:
            os.environ.clear()
            os.environ.update(before)

    def run(
        self,
        *arguments: object,
        environ: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        first: Callable[[], None] | None = None,
    ) -> Ended:
        """Run a command in a process of its own, as its user would; `first` is called in it before."""
        return self.wait(self.start(*arguments, environ=environ, cwd=cwd, first=first))

    def start(
        self,
        *arguments: object,
        environ: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        first: Callable[[], None] | None = None,
    ) -> Any:
        """Start a command and return its process; `wait` says how it ended, `reached` how far it is."""
        return self._start(_command, [first, *(str(a) for a in arguments)], environ or {}, cwd)

    def reached(self) -> list[str]:
        """Return the named points that the process started last has come by."""
        return self._streams()[2].read_text().splitlines()

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return what a function returns in a process of its own; it must be JSON.

        Raises:
            AssertionError: If the function raised.
        """
        ended = self.attempt(function, *arguments)
        assert ended.code == 0, ended.text
        return json.loads(ended.out.splitlines()[-1])

    def attempt(self, function: Callable[..., Any], *arguments: Any, environ: Mapping[str, str] | None = None) -> Ended:
        """Call a function in a process of its own; return how that ended."""
        return self.wait(self._start(_function, [function, *arguments], environ or {}, None))

    def _start(self, target: Callable[..., Any], what: list[Any], environ: Mapping[str, str], cwd: Path | None) -> Any:
        for path in self._streams():
            path.write_text("")
        out, err, log = (str(path) for path in self._streams())
        full = {**QUIET, "LEPTON_FAULT_LOG": log, **environ}
        process = self._context.Process(target=_alone, args=(target, what, full, out, err, str(cwd or self._folder)))
        process.start()
        return process

    def wait(self, process: Any) -> Ended:
        """Return how the process that was started last ended."""
        process.join(LIMIT)
        if process.is_alive():
            process.kill()
            process.join()
        code = process.exitcode
        out, err, log = (path.read_text() for path in self._streams())
        return Ended(code, out, err, tuple(log.splitlines()))

    def _streams(self) -> list[Path]:
        return [self._folder / name for name in ("out.txt", "err.txt", "reached.txt")]


def _alone(
    target: Callable[..., Any], what: list[Any], environ: dict[str, str], out: str, err: str, folder: str
) -> None:
    os.environ.update(environ)
    os.chdir(folder)
    for path, stream in ((out, sys.stdout), (err, sys.stderr)):
        goal = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(goal, stream.fileno())
        os.close(goal)
    target(what)


def _command(what: list[Any]) -> None:
    from lepton.cli.main import main

    first, *arguments = what
    if first is not None:
        first()
    sys.exit(main(arguments))


def _function(what: list[Any]) -> None:
    function, *arguments = what
    sys.stdout.write(json.dumps(function(*arguments)) + "\n")
    sys.stdout.flush()
