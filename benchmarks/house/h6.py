"""H6: what a fresh environment costs: `lepton[serve]`, which loads a model and predicts, against `lepton[all]`.

The wheel is built, and installed with each extra in an environment of its own, with the versions of constraints.txt and
nothing in common but pip's cache, which is filled first by downloading both (not counted): seconds are those of an
installation, not of a network. a: packages of serve for each of all, pip and setuptools not counted; b: seconds of
serve; c: MB of serve, the environment's whole folder, nothing compiled beforehand. In the smaller environment a stored
model is loaded, or there is no figure. Takes about five minutes and needs the package index.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import figures

COMMAND = "python benchmarks/house --only H6"
BAR = 1 / 3
LOAD = """
import sys
from pathlib import Path
from lepton.models.format import load
model = load(Path(sys.argv[1]))
assert model.classes, model
"""


@dataclass(frozen=True)
class Installed:
    """A fresh environment with lepton in it."""

    folder: Path
    seconds: float
    packages: int
    megabytes: float

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"


def measure() -> Iterator[figures.Figure]:
    """Yield packages, seconds and MB of the smaller installation beside those of the whole."""
    with tempfile.TemporaryDirectory(prefix="lepton-h6-") as temporary:
        folder = Path(temporary)
        wheel = build(folder / "dist")
        for extra in ("all", "serve"):
            install(folder / f"unmeasured-{extra}", wheel, extra)  # fills pip's cache
        whole, serve = (install(folder / extra, wheel, extra) for extra in ("all", "serve"))
        subprocess.run([serve.python, "-c", LOAD, str(newest_model())], cwd=folder, check=True)
    share = serve.packages / whole.packages
    told = {"serve": serve.packages, "all": whole.packages, "bar": round(BAR, 4)}
    yield figures.figure("H6a", share, "packages of lepton[serve] for each of lepton[all]", 1, [], COMMAND, **told)
    unit = "s to install lepton[serve]"
    yield figures.figure("H6b", serve.seconds, unit, 1, [], COMMAND, all=round(whole.seconds, 1))
    yield figures.figure("H6c", serve.megabytes, "MB of lepton[serve]", 1, [], COMMAND, all=round(whole.megabytes, 1))


def build(folder: Path) -> Path:
    """Return the wheel of this checkout."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, figures.ROOT]
    subprocess.run(command, check=True)
    return next(folder.glob("lepton-*.whl"))


def install(folder: Path, wheel: Path, extra: str) -> Installed:
    """Return an environment that has the wheel with an extra, as .ci/release-check makes it."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [folder / "bin" / "python", "-m", "pip", "--disable-pip-version-check"]
    constraints = figures.ROOT / "constraints.txt"
    begun = time.perf_counter()
    subprocess.run(
        [*pip, "install", "--quiet", "--no-compile", "--constraint", constraints, f"{wheel}[{extra}]"], check=True
    )
    took = time.perf_counter() - begun
    listed = subprocess.run(
        [*pip, "list", "--format=json", "--exclude", "pip", "--exclude", "setuptools"],
        capture_output=True,
        text=True,
        check=True,
    )
    size = sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return Installed(folder, took, len(json.loads(listed.stdout)), size / 2**20)


def newest_model() -> Path:
    """Return a stored model of the newest format."""
    return max((figures.ROOT / "tests" / "fixtures" / "models").glob("v*/tabular/model.json")).parent
