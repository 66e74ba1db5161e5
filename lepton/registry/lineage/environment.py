"""What the code ran on: revision, libraries, dependencies, machine."""

from __future__ import annotations

import json
import platform
import re
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distributions, version
from pathlib import Path
from types import MappingProxyType
from typing import Any

import lepton
from lepton.core.work.files import digest, sha256

BUILD = "build.json"
"""In the package's folder of a wheel: what it was built from."""

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
    """Return the fields `code`, `libraries`, `dependencies` and `device` of a `Lineage`; takes a fifth of a second.

    Args:
        device: Where the computing was done, as torch names it.
    """
    return {
        "code": code_state(),
        "libraries": library_versions(),
        "dependencies": dependencies(),
        "device": ", ".join((device, *processor(), platform.platform())),
    }


def dependencies(package: Path | None = None) -> dict[str, Any]:
    """Return `digest` and `count` of every distribution that is installed, and of the `lock` that they came from.

    The lock is the checkout's constraints.txt; None where lepton does not run from a checkout that has one.

    Args:
        package: Folder of the package; lepton's own by default.
    """
    folder, found = package or Path(lepton.__file__).parent, installed()
    lock = folder.parent / "constraints.txt"
    known = lock.is_file() and _tracked(folder)
    return {"digest": digest(found), "count": len(found), "lock": sha256(lock) if known else None}


def processor() -> tuple[str, str]:
    """Return the instructions that torch chooses its kernels by, and the processor: they decide the last bits."""
    import torch

    name = platform.processor() or platform.machine()
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    return torch.backends.cpu.get_cpu_capability(), name


def code_state(package: Path | None = None) -> dict[str, Any]:
    """Return version, git revision and whether there were uncommitted changes.

    In a checkout git is asked; elsewhere it is what the wheel was built from, and None where that is not known.

    Args:
        package: Folder of the package; lepton's own by default.
    """
    folder = package or Path(lepton.__file__).parent
    known = {"version": lepton.__version__, **_built(folder)}
    if not _tracked(folder):
        return known
    changes = _git(folder, "status", "--porcelain", "--untracked-files=normal", "--", ".", "../flows")
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


@cache
def installed() -> tuple[str, ...]:
    """Return `name==version` of every distribution that this Python finds, sorted; takes a third of a second once.

    Names are normalised (PEP 503). Of two that the path has under one name, the first counts, as for `import`.
    """
    return tuple(f"{name}=={one.version}" for name, one in sorted(found_distributions().items()))


@cache
def found_distributions() -> Mapping[str, Distribution]:
    """Return every distribution that this Python finds by its normalised name, the first on the path.

    Looked up once: what is installed does not change under a running process.
    """
    found: dict[str, Distribution] = {}
    for one in distributions():
        name = re.sub(r"[-_.]+", "-", one.name or "").lower()  # a folder whose metadata is gone has no name
        if name and one.version:
            found.setdefault(name, one)
    return MappingProxyType(found)


def _tracked(folder: Path) -> bool:
    """Return whether a package lies in a checkout of its own.

    A virtual environment may lie inside some other project's repository, which is not asked: only a repository whose
    root is the folder above, and that tracks the package, is ours.
    """
    return (folder.parent / ".git").exists() and _git(folder, "ls-files", "--error-unmatch", "__init__.py") is not None


def _built(folder: Path) -> dict[str, Any]:
    """Return `revision` and `dirty` of the checkout that the wheel was built from; see hatch_build.py."""
    try:
        built = json.loads((folder / BUILD).read_text(encoding="utf-8"))
        return {"revision": built["revision"], "dirty": built["dirty"]}
    except (OSError, ValueError, KeyError, TypeError):
        return {"revision": None, "dirty": None}


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
