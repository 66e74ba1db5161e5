"""What a command imports of the large vendors: the parts that are used, and not what these import for others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

INGEST = """
import sys, pathlib, pandas
from lepton.contract import gx
from lepton.contract.check import Check
checks = [Check("ExpectColumnValuesToBeBetween", {"column": "x", "max_value": 1}, "x", lambda *_: "")]
failed, url = gx.run([gx.Asked(pandas.DataFrame({"x": [0.0, 2.0]}), checks)], "s", "d", pathlib.Path(sys.argv[1]))
assert len(failed) == 1 and "x" in pathlib.Path(url.removeprefix("file://")).read_text()
"""
MONITOR = """
import sys, pathlib, datetime, numpy
from lepton.monitoring.aspects import Column
from lepton.monitoring.dashboard import Point, draw, drawn
from lepton.monitoring.drift import measure
column = Column("inputs: x", "inputs", "number", numpy.arange(60.0), numpy.arange(60.0) + 5)
found = measure([column], {"inputs: x": 0.1})
assert found.statistics["inputs: x"] > 0.1
found.save_page(pathlib.Path(sys.argv[1], "page.html"))
for name in "ab":
    draw(pathlib.Path(sys.argv[1], "board"), "p", [Point(name, datetime.datetime.now(), {"drift": 1.0}, {})])
assert drawn(pathlib.Path(sys.argv[1], "board"), "p") == ["a", "b"]
"""
REGISTRY = """
import sys, pathlib
from lepton.core.config.workspace import Workspace
from lepton.registry.mlflow.tracking import connect
root = pathlib.Path(sys.argv[1]).resolve()
(root / "lepton.yaml").write_text("name: x\\nkind: tabular\\nsource: here\\n")
connect(Workspace(root)).series("p").curves({"drift": [1.0, 2.0]})
"""
KEPT_OUT = {
    "contract": (INGEST, ("altair", "scipy.stats", "great_expectations.datasource.fluent.pandas_datasource")),
    "monitoring": (MONITOR, ("nltk", "evidently.legacy.metric_preset.text_evals")),
    "registry": (REGISTRY, ("fastapi", "mlflow.gateway.app", "mlflow.genai.scorers.builtin_scorers")),
}


@pytest.mark.parametrize("room", KEPT_OUT)
def test_a_room_imports_no_more_of_its_vendor_than_it_uses(room: str, tmp_path: Path) -> None:
    code, names = KEPT_OUT[room]
    told = f"{code}\nprint(' '.join(name for name in {names!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", told, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
