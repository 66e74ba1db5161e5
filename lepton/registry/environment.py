"""What the code ran on: revision, libraries, machine; gathered without importing anything heavy."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import lepton

LIBRARIES = (
    "torch",
    "numpy",
    "pandas",
    "pyarrow",
    "scikit-learn",
    "scipy",
    "safetensors",
    "mlflow",
    "prefect",
    "dvc",
    "great-expectations",
    "evidently",
)
"""The distributions that can change a result or that wrote a record of it."""


def environment(device: str = "cpu") -> dict[str, Any]:
    """Return the fields `code`, `libraries` and `device` of a `Lineage`; takes some 20 ms (git).

    Args:
        device: Where the computing was done, as torch names it.
    """
    return {"code": code_state(), "libraries": library_versions(), "device": f"{device}, {platform.platform()}"}


def code_state(package: Path | None = None) -> dict[str, Any]:
    """Return version, git revision and whether the checkout had uncommitted changes; None where there is no checkout.

    Args:
        package: Folder of the package; lepton's own by default.
    """
    folder = package or Path(lepton.__file__).parent
    known = {"version": lepton.__version__, "revision": None, "dirty": None}
    # A virtual environment may lie inside some other project's repository: only a tracked file makes it ours.
    if _git(folder, "ls-files", "--error-unmatch", "__init__.py") is None:
        return known
    changes = _git(folder, "status", "--porcelain", "--untracked-files=normal", "--", ".")
    return {**known, "revision": _git(folder, "rev-parse", "HEAD"), "dirty": bool(changes)}


def library_versions() -> dict[str, str]:
    """Return the versions of Python and of the installed libraries that matter."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _git(folder: Path, *command: str) -> str | None:
    """Return what git says, or None if there is no git, no repository, or it fails."""
    try:
        # --no-optional-locks: reading the state must not disturb a commit that is under way.
        done = subprocess.run(
            ["git", "--no-optional-locks", "-C", str(folder), *command], capture_output=True, text=True, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
