"""Whether an installed lepton is a product: run by hand or by `.ci/release-check`, not by pytest.

    python tests/smoke.py ENV/bin             the loop in process, in an empty folder
    python tests/smoke.py ENV/bin --stack     and `lepton up`, a run on a worker, `lepton down`
    python tests/smoke.py ENV/bin --demo      and `lepton demo`
    python tests/smoke.py ENV/bin --plugin P  and a transfer with the strategy of a package, installed from folder P

Uses nothing but the standard library and the programs in ENV/bin: no checkout may be in sight of what it runs. Data are
generated. Ends with a line of JSON: the seconds of each part.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

OK, REFUSED, DRIFT = 0, 3, 4

LOOK = """
import importlib.util, pathlib, sys
import lepton, lepton_flows
assert not [name for name in sys.modules if name in ("torch", "mlflow", "evidently", "dvc", "great_expectations")]
for module in (lepton, lepton_flows):
    folder = pathlib.Path(module.__file__).parent
    assert "site-packages" in folder.parts, folder
    assert (folder / "py.typed").exists(), folder
assert lepton_flows.DEPLOYMENTS.exists()
assert importlib.util.find_spec("flows") is None
from lepton.registry.lineage.environment import code_state
print(code_state())
"""

OWN = """
import flows, flows.etl, lepton_flows.transfer
assert flows.etl.MINE
assert "site-packages" not in flows.__file__
"""

WAIT_FOR_RUN = """
import sys
from prefect.deployments import run_deployment
run = run_deployment("monitor/monitor", timeout=180)
assert run.state.is_completed(), run.state
"""


class Programs:
    """The programs of one environment, run in one folder and without a trace of ours."""

    def __init__(self, programs: Path, folder: Path) -> None:
        """Look at `programs`, work in `folder`."""
        self.programs, self.folder = programs.absolute(), folder
        hidden = ("LEPTON_", "PREFECT_", "MLFLOW_", "PYTHON", "VIRTUAL_ENV")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(hidden)}
        self.environ = {**kept, "PATH": f"{self.programs}{os.pathsep}{kept.get('PATH', '')}", "DO_NOT_TRACK": "1"}
        self.seconds: dict[str, float] = {}

    def run(self, *command: str, codes: Sequence[int] = (OK,), cwd: str = ".", **environ: str) -> str:
        """Run a program and return what it wrote; a traceback or an unexpected exit code ends the test."""
        done = subprocess.run(
            [str(self.programs / command[0]), *command[1:]],
            cwd=self.folder / cwd,
            env={**self.environ, **environ},
            capture_output=True,
            text=True,
            check=False,
        )
        said = done.stdout + done.stderr
        if done.returncode not in codes or "Traceback" in said or "Warning" in said:
            sys.exit(f"{' '.join(command)} ended with {done.returncode} in {self.folder / cwd}:\n{said}")
        return done.stdout

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Measure a part and say that it went well."""
        begun = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - begun, 1)
        sys.stderr.write(f"ok  {name}  {self.seconds[name]} s\n")


def delivery(path: Path, rows: int, shift: float, seed: int, labelled: bool = True) -> None:
    """Write generated rows: two numbers and a category that tell the outcome, moved by `shift`."""
    chance = random.Random(seed)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["age", "dose", "ward", *(["outcome"] if labelled else [])])
        for _ in range(rows):
            good = chance.random() < 0.5
            numbers = [round(chance.gauss(1.5 * good + shift, 1), 4), round(chance.gauss(-good - shift, 1), 4)]
            outcome = [["bad", "good"][good]] if labelled else []
            writer.writerow([*numbers, chance.choice(["north", "south"]), *outcome])


def look(programs: Programs) -> None:
    """The two packages are whole and come from the environment, and a user's own `flows` is the user's."""
    assert programs.run("lepton", "--version").startswith("lepton ")
    programs.run("python", "-c", LOOK)
    own = programs.folder / "own" / "flows"
    own.mkdir(parents=True)
    (own / "__init__.py").touch()
    (own / "etl.py").write_text("MINE = True\n")
    programs.run("python", "-c", OWN, cwd="own", PYTHONPATH=".")


def loop(programs: Programs) -> None:
    """From a file to a monitored champion that can be made again, in process, beside a package called `flows`."""
    delivery(programs.folder / "site-1.csv", 600, shift=0.0, seed=1)
    delivery(programs.folder / "site-2.csv", 300, shift=0.7, seed=2)
    delivery(programs.folder / "march.csv", 300, shift=0.7, seed=3, labelled=False)
    programs.run("lepton", "init", "shop", "--from", "site-1.csv", "--label", "outcome")

    def lepton(*arguments: str, codes: Sequence[int] = (OK,)) -> str:
        return programs.run("lepton", *arguments, codes=codes, cwd="shop", PYTHONPATH=str(programs.folder / "own"))

    lepton("ingest", "site-1", "../site-1.csv", "--local")
    lepton("pretrain", "--local")
    lepton("ingest", "site-2", "../site-2.csv", "--new", "--local")
    lepton("transfer", "site-2", "--local", codes=(OK, REFUSED))
    lepton("ingest", "site-2", "../march.csv", "--local")
    lepton("score", "site-2", "--local")
    lepton("monitor", "site-2", "--local", codes=(OK, DRIFT))
    assert json.loads(lepton("status", "--json"))
    lepton("lineage")
    lepton("audit", "verify")
    lepton("reproduce", "site-2", "--check")
    lepton("doctor")
    needed = next((programs.folder / "shop" / ".lepton" / "artifacts").rglob("requirements.txt")).read_text()
    assert "lepton[serve]==" in needed, needed


def plugin(programs: Programs, package: Path) -> None:
    """A strategy of a package that is installed beside lepton is found, tried and named."""
    shutil.copytree(package, programs.folder / "package")  # building leaves traces in it
    programs.run("python", "-m", "pip", "install", "--quiet", "--no-deps", "./package")
    asked = ("transfer", "site-2", "--strategy", "none", "--strategy", "tilt", "--local", "--json")
    done = json.loads(programs.run("lepton", *asked, codes=(OK, REFUSED), cwd="shop"))
    assert "tilt" in [one["strategy"] for one in done["candidates"]], done
    assert "strategy 'tilt' of lepton-tilt" in programs.run("lepton", "doctor", cwd="shop")


def stack(programs: Programs) -> None:
    """The servers start without a checkout, and a worker runs a flow in the workspace."""
    programs.run("lepton", "up", cwd="shop")
    try:
        servers = json.loads(programs.run("lepton", "up", "--json", cwd="shop"))
        programs.run("python", "-c", WAIT_FOR_RUN, PREFECT_API_URL=f"{servers['prefect']}/api")
        programs.run("lepton", "doctor", cwd="shop")
    finally:
        programs.run("lepton", "down", cwd="shop")


def main() -> None:
    """Run what is asked for; leave nothing behind."""
    parser = argparse.ArgumentParser(description="Try an installed lepton in an empty folder.")
    parser.add_argument("programs", type=Path, help="the bin folder of the environment")
    parser.add_argument("--stack", action="store_true", help="lepton up and down, too")
    parser.add_argument("--demo", action="store_true", help="lepton demo, too")
    parser.add_argument("--plugin", type=Path, help="a package with the strategy `tilt`, to install and to use, too")
    parser.add_argument("--folder", type=Path, help="an empty folder to work in, which is kept")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lepton-smoke-") as temporary:
        folder = asked.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        programs = Programs(asked.programs, folder.absolute())
        with programs.part("look"):
            look(programs)
        with programs.part("loop"):
            loop(programs)
        if asked.plugin:
            with programs.part("plug-in"):
                plugin(programs, asked.plugin)
        if asked.stack:
            with programs.part("stack"):
                stack(programs)
        if asked.demo:
            with programs.part("demo"):
                programs.run("lepton", "demo", "--down")
    sys.stdout.write(json.dumps(programs.seconds) + "\n")


if __name__ == "__main__":
    main()
