"""A little package with a strategy, installed in a folder of its own: found, used, on record, and missed when gone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import make_plant

PACKAGE = Path(__file__).parents[1] / "fixtures" / "plugin"
ANNOUNCED = 'tilt = "lepton_tilt:Tilt"\n'
LOOP = """
import json, sys, warnings
import pandas as pd
import lepton

warnings.simplefilter("ignore")
ws = lepton.init(sys.argv[1], sys.argv[2], source="plant-1", progress=False)
ws.ingest("plant-1", sys.argv[2])
ws.pretrain()
ws.ingest("plant-2", sys.argv[3], new=True)
ws.transfer("plant-2", strategies=["none", "tilt"])
found = ws.lineage("plant-2")
checks = {one.what: (one.ok, one.detail) for one in ws.doctor().findings}
print(json.dumps({"strategy": found.record.strategy, "code": found.record.code, "plug-ins": checks["plug-ins"]}))
"""
GONE = """
import json, sys
import lepton

ws = lepton.open(sys.argv[1])
told = {"answers": len(ws.champion("plant-2").predict(__import__("pandas").read_csv(sys.argv[3])))}
try:
    ws.reproduce("plant-2")
except lepton.LeptonError as error:
    told |= {"what": error.what, "fix": error.fix}
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that pip has installed the package into."""
    project, target = tmp_path_factory.mktemp("lepton-tilt"), tmp_path_factory.mktemp("site")
    shutil.copytree(PACKAGE, project, dirs_exist_ok=True)
    announced = (PACKAGE / "pyproject.toml").read_text()
    assert ANNOUNCED in announced
    more = ANNOUNCED + 'broken = "lepton_tilt:Nothing"\n'
    (project / "pyproject.toml").write_text(announced.replace(ANNOUNCED, more))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", str(target), str(project)], check=True, capture_output=True)
    return target


def run(script: str, *arguments: object, path: list[Path]) -> Any:
    """Return what a script prints last, with further folders on the path."""
    environ = {**os.environ, "LEPTON_PRETRAIN__EPOCHS": "4", "OMP_NUM_THREADS": "1"}
    environ["PYTHONPATH"] = os.pathsep.join([*map(str, path), *sys.path])
    command = [sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environ, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_strategy_of_an_installed_package_is_used_and_on_record_and_missed_when_it_is_gone(
    package: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "plant-1.csv", tmp_path / "plant-2.csv"
    make_plant(800, 0.0, 1).to_csv(first, index=False)
    make_plant(600, 0.9, 2).to_csv(second, index=False)
    ws = tmp_path / "ws"

    made = run(LOOP, ws, first, second, path=[package])
    assert made["strategy"] == "tilt"
    tilt = {"word": "strategy", "name": "tilt", "package": "lepton-tilt", "version": "0.3"}
    assert made["code"]["plugins"] == [tilt]
    ok, detail = made["plug-ins"]
    assert not ok  # the other one that the package announces is not there
    assert "strategy 'broken' of lepton-tilt 0.3: lepton_tilt:Nothing: AttributeError" in detail

    gone = run(GONE, ws, first, second, path=[])
    assert gone["answers"] == 600  # its weights are an ordinary head: they serve without the package
    assert "cannot be made again: it was made with the strategy 'tilt' of lepton-tilt 0.3" in gone["what"]
    assert gone["fix"] == ["pip install 'lepton-tilt==0.3'"]
