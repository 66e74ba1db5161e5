"""D1: how many of the cases in the shared folder behave as they should.

Each runs in a folder of its own with this checkout's command line; its output is held against what is expected of it.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import figures
from expectations import EXPECTED
from later import GONE, LATER

COMMAND = "python benchmarks/deliveries --only D1"
SECONDS = 600
"""Most that one case may take."""


def measure() -> Iterator[figures.Figure]:
    """Yield the number of cases that behave, with the others named."""
    cases = folder()
    found = {path.name[:2]: path for path in sorted(cases.glob("[0-9][0-9]-*"))}
    failed: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="lepton-d1-") as place:
        program = executable(Path(place, "lepton"))
        for number, case in found.items():
            told = play(case, Path(place, number), program)
            missing = EXPECTED[number](told) if number in EXPECTED else "nothing is expected of it yet"
            print(f"  {case.name:<44} {missing or 'as expected'}", flush=True)
            if missing:
                failed[case.name] = missing
    right = len(found) - len(failed)
    yield figures.figure(
        "D1", right, "cases behave as expected", len(found), [], COMMAND, bar=len(found), failed=failed
    )


def folder() -> Path:
    """Return where the cases lie.

    Raises:
        SystemExit: If they lie nowhere.
    """
    cases = Path(os.environ.get("LEPTON_SHARED_CASES", figures.ROOT.parent / "shared" / "cases"))
    if not (cases / "env.sh").exists():
        raise SystemExit(f"There are no cases in {cases}; LEPTON_SHARED_CASES names their folder.")
    return cases


def executable(path: Path) -> Path:
    """Write a program that is this checkout's command line, whatever PYTHONPATH a case sets."""
    paths = f"{figures.ROOT}:{figures.ROOT / 'flows'}"
    run = "from lepton.cli.main import run; run()"
    first = f'export PYTHONPATH="{paths}${{PYTHONPATH:+:$PYTHONPATH}}"'
    path.write_text(f'#!/bin/sh\n{first}\nexec "{sys.executable}" -c \'{run}\' "$@"\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def play(case: Path, place: Path, program: Path) -> str:
    """Return what a case's script prints; what it asks of a module that is gone is asked of the command line."""
    place.mkdir()
    told = _ran(case / "run.sh", place, program)
    gone = GONE.search(told)
    if gone is None or (later := LATER.get(case.name[:2])) is None:
        return told
    asked = place / "later.sh"
    asked.write_text(f'. "{case.parent}/env.sh"\n{later}')
    return told[: gone.start()] + _ran(asked, place, program)


def _ran(script: Path, place: Path, program: Path) -> str:
    environ = {
        **os.environ,
        "LEPTON_BIN": str(program),
        "PY": sys.executable,
        "W": str(place),
        "PYTHONPATH": f"{figures.ROOT}:{figures.ROOT / 'flows'}",
    }
    environ.pop("LEPTON_WORKSPACE", None)
    try:
        done = subprocess.run(
            ["bash", str(script)],
            cwd=place,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"took more than {SECONDS} s"
    return done.stdout
