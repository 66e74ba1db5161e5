"""What every benchmark shares: one measured value in the form of the results files, and how it is kept."""

from __future__ import annotations

import argparse
import json
import subprocess
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from lepton.core.work.files import atomic_write

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"

Figure = dict[str, Any]


def figure(
    name: str,
    value: float,
    unit: str,
    n: int,
    seeds: Iterable[int],
    command: str,
    each: list[float] | None = None,
    **notes: Any,
) -> Figure:
    """Return one measured value.

    Args:
        name: The figure's id, e.g. `R1` or `R2a`.
        value: What was measured.
        unit: Of the value.
        n: How many things were measured.
        seeds: Of the runs; empty where nothing is random.
        command: How to measure it again.
        each: The single values behind a mean or median.
        notes: What else a reader should know, by name.
    """
    found: Figure = {
        "id": name,
        "value": round(value, 4),
        "unit": unit,
        "n": n,
        "seeds": list(seeds),
        "command": command,
        "revision": revision(),
        **notes,
    }
    if each is not None:
        found["each"] = [round(v, 4) for v in each]
    return found


@cache
def revision() -> str:
    """Return the commit that is measured, with a mark if there are changes beside it."""
    git = ["git", "-C", str(ROOT)]
    commit = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True)
    dirty = subprocess.run(
        [*git, "status", "--porcelain", "lepton", "flows"], capture_output=True, text=True, check=True
    )
    return commit.stdout.strip() + ("+changes" if dirty.stdout.strip() else "")


@cache
def code() -> str:
    """Return what the package's own code is known by in git: what was measured with it stays true until it changes."""
    git = ["git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD:lepton"]
    return subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()


def read(path: Path) -> dict[str, Figure]:
    """Return the figures of a results file by id; none if it does not exist."""
    return {found["id"]: found for found in (json.loads(path.read_text()) if path.exists() else [])}


def save(path: Path, figures: dict[str, Figure]) -> None:
    """Write a results file, whole or not at all."""
    atomic_write(path, json.dumps([figures[key] for key in sorted(figures)], indent=1) + "\n")


def show(found: Figure) -> str:
    """Return a figure as a line to print: the value, then what it is to be read beside."""
    value = f"{found['value']:.4g}" + (f" ± {found['sd']:.2g}" if "sd" in found else "")
    beside = [f"{name} {found[name]}" for name in ("unadapted", "published", "bar") if found.get(name) is not None]
    return "   ".join([f"{found['id']:<5} {value} {found['unit']}", *beside, f"n={found['n']}  seeds={found['seeds']}"])


def run(description: str | None, folder: Path, letter: str, results: Path) -> None:
    """Measure what the command line asks for and merge it into the results.

    Args:
        description: For `--help`.
        folder: On the import path; its files `{letter}1.py`, `{letter}2.py`... each have a `measure()`.
        letter: With which the ids of the figures begin.
        results: The file.
    """
    numbered = (path.stem for path in folder.glob(f"{letter}[0-9]*.py") if path.stem[len(letter) :].isdigit())
    parts = sorted(numbered, key=lambda name: int(name[len(letter) :]))
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", metavar="ID", choices=[part.upper() for part in parts])
    wanted = parser.parse_args().only
    for part in parts:
        if wanted and part.upper() not in wanted:
            continue
        measured = import_module(part).measure()
        known = read(results)  # only now: another process may have measured others meanwhile
        for found in measured:
            known[found["id"]] = found
            print(show(found), flush=True)
        save(results, known)
