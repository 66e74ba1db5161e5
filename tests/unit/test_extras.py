"""What an installation may leave out: the table says what pyproject.toml does, and what is missing is told."""

from __future__ import annotations

import builtins
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lepton
from lepton.core import extras
from lepton.core.errors import LeptonError
from lepton.core.work.machine import refusal
from tests.conftest import make_plant
from tests.unit.test_lineage import record

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DISTRIBUTIONS = {
    "attr": "attrs",
    "cyclonedx": "cyclonedx-python-lib",
    "great_expectations": "great-expectations",
    "openlineage": "openlineage-python",
    "packageurl": "packageurl-python",
    "PIL": "pillow",
    "sklearn": "scikit-learn",
}
"""Where the distribution has another name than the import."""


def _declared(extra: str) -> set[str]:
    """Return the distributions that an extra itself lists, without those of the extras that it includes."""
    names = {re.split(r"[<>=\[]", line)[0] for line in PROJECT["optional-dependencies"][extra]}
    return names - {"lepton", "fastapi"}  # fastapi is no import of ours: it is only held back


@pytest.mark.parametrize("extra", extras.EXTRAS)
def test_the_table_of_extras_is_that_of_the_project(extra: str) -> None:
    assert {DISTRIBUTIONS.get(name, name) for name in extras.EXTRAS[extra]} == _declared(extra)


def test_the_core_depends_on_nothing_that_an_extra_brings() -> None:
    core = {re.split(r"[<>=\[]", line)[0] for line in PROJECT["dependencies"]}
    assert core.isdisjoint(set().union(*(_declared(extra) for extra in extras.EXTRAS)))


def test_a_package_that_is_there_is_not_imported_to_find_out() -> None:
    extras.require("torch", "evidently")


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Hide a package from lepton's question, and from `import`."""
    real: Any = builtins.__import__

    def hide(name: str) -> None:
        def importing(wanted: str, *args: Any, **kwargs: Any) -> Any:
            if wanted.partition(".")[0] == name:
                raise ModuleNotFoundError(f"No module named {wanted!r}", name=wanted)
            return real(wanted, *args, **kwargs)

        monkeypatch.setattr(extras, "find_spec", lambda wanted: None if wanted == name else object())
        monkeypatch.setattr(builtins, "__import__", importing)

    return hide


@pytest.mark.parametrize(
    ("package", "extra"), [("torch", "serve"), ("dvc", "loop"), ("evidently", "monitor"), ("prefect", "server")]
)
def test_a_missing_package_is_an_error_with_the_command_that_brings_it(
    package: str, extra: str, without: Callable[[str], None]
) -> None:
    without(package)
    with pytest.raises(LeptonError, match=package) as caught:
        extras.require("numpy", package)
    named = [line.partition("  ")[0] for line in caught.value.fix]
    assert named[-2:] == [f'pip install "lepton[{extra}]"', 'pip install "lepton[all]"']
    assert isinstance(caught.value, ImportError)  # for callers that try an import


def test_an_import_that_failed_for_want_of_an_extra_is_told_in_the_same_way(without: Callable[[str], None]) -> None:
    without("sklearn")
    with pytest.raises(ModuleNotFoundError) as caught:
        import sklearn.linear_model  # noqa: F401
    told = refusal(caught.value)
    assert told is not None
    assert told.fix[0] == 'pip install "lepton[loop]"'


def test_the_front_door_tells_of_a_missing_package_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def home(_: str) -> Any:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr(lepton, "import_module", home)
    monkeypatch.delitem(vars(lepton), "Strategy", raising=False)
    with pytest.raises(LeptonError) as caught:
        _ = lepton.Strategy
    assert any(line.startswith('pip install "lepton[serve]"') for line in caught.value.fix)


def test_who_asks_for_a_verb_of_the_loop_is_not_sent_for_half_of_it(without: Callable[[str], None]) -> None:
    without("pandas")
    with pytest.raises(LeptonError) as caught:
        extras.require("pandas")
    assert caught.value.fix[0].startswith('pip install "lepton[loop]"')


def test_an_import_of_something_else_stays_the_mistake_that_it_is() -> None:
    assert refusal(ModuleNotFoundError("No module named 'mine'", name="mine")) is None
    assert refusal(ModuleNotFoundError("No module named 'torch'")) is None


def test_every_room_that_imports_a_vendor_asks_for_it() -> None:
    asked = set()
    root = Path(__file__).parents[2]
    for file in [*root.glob("lepton/**/*.py"), *root.glob("flows/**/*.py")]:
        for call in re.findall(r"\brequire\(([^)]*)\)", file.read_text(encoding="utf-8")):
            asked |= set(re.findall(r'"(\w+)"', call))
    rooms = {"cyclonedx", "dvc", "evidently", "great_expectations", "mlflow", "openlineage", "prefect"}
    assert {*rooms, "pyarrow", "torch"} <= asked


def test_a_registered_model_needs_lepton_to_serve_and_what_an_index_holds() -> None:
    from lepton.registry.mlflow.store import _requirements

    first, *exactly = _requirements(record())
    assert first == f"lepton[serve]=={lepton.__version__}"
    assert [line.partition("==")[0] for line in exactly] == ["torch", "numpy", "pandas", "safetensors"]
    assert not any("+" in line for line in exactly)


CORE = """
import sys
from importlib.abc import MetaPathFinder
import lepton.core.extras as extras

class Absent(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name.partition(".")[0])

absent = {name for names in extras.EXTRAS.values() for name in names}
extras.find_spec = lambda name: None if name in absent else object()
sys.meta_path.insert(0, Absent())
from lepton.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("core") / "ws"
    lepton.init(root, make_plant(60, 0.0, seed=1), source="plant-1", progress=False)
    return root


@pytest.mark.parametrize("command", ["status", "alerts", "audit verify"])
def test_the_core_alone_reads_configuration_and_ledger(workspace: Path, command: str) -> None:
    run = [sys.executable, "-c", CORE, "-w", str(workspace), *command.split()]
    ended = subprocess.run(run, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "not installed" not in ended.stderr
