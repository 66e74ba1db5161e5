"""The front door: what `import lepton` offers, and that it costs nothing until it is used."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

import lepton
from lepton.core.errors import NotFound, UsageError
from lepton.operations.delivery import as_file
from lepton.operations.result import Result
from lepton.operations.status import PairStatus, Status

VENDORS = ("numpy", "pandas", "torch", "pydantic", "sqlalchemy", "prefect", "mlflow", "evidently", "dvc", "rich")
SERVERS = ("prefect", "torch", "mlflow", "evidently", "great_expectations", "dvc", "pandas")


def imported(code: str, cwd: Path, *watched: str) -> set[str]:
    """Return which of the modules a fresh process has after running some code."""
    script = f"import sys\n{code}\nprint('\\n'.join(set(sys.modules) & set({watched!r})))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=cwd, check=True)
    return set(done.stdout.split()) & set(watched)


def test_the_import_loads_no_vendor(tmp_path: Path) -> None:
    assert imported("import lepton; dir(lepton); lepton.__version__", tmp_path, *VENDORS) == set()


def test_an_error_is_had_without_any_vendor(tmp_path: Path) -> None:
    assert imported("import lepton; lepton.LeptonError", tmp_path, *VENDORS) == set()


@pytest.mark.parametrize("command", [["--help"], ["alerts"], ["status"], ["audit", "verify"]])
def test_what_an_operator_asks_often_loads_no_server_and_no_data_frame(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "lepton.yaml").write_text("name: shop\nkind: tabular\nsource: site-1\n")
    code = f"from lepton.cli.main import main\nassert main({command!r}) == 0"
    assert imported(code, tmp_path, *SERVERS) == set()


def test_every_public_name_is_there_and_documented() -> None:
    for name in lepton.__all__:
        assert inspect.getdoc(getattr(lepton, name)), name


def test_a_name_that_is_not_public_is_none() -> None:
    with pytest.raises(AttributeError, match="no attribute 'transfers'"):
        lepton.transfers  # noqa: B018


def test_the_types_name_what_the_module_offers() -> None:
    tree = ast.parse(Path(lepton.__file__).with_suffix(".pyi").read_text())
    homes = {alias.name: node.module for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert homes == lepton._HOMES


def test_every_method_of_a_workspace_is_documented() -> None:
    methods = [name for name in dir(lepton.Workspace) if not name.startswith("_")]
    assert {"ingest", "pretrain", "transfer", "monitor", "champion", "reproduce"} <= set(methods)
    for name in methods:
        assert inspect.getdoc(getattr(lepton.Workspace, name)), name


WITHOUT_A_WORKSPACE = {
    "lepton.operations.init",  # makes the workspace
    "lepton.operations.first_look",  # what a delivery is like before there is one
    "lepton.operations.doctor",  # looks at the machine where there is none
    "lepton.operations.audit",  # checks a file that somebody else exported
}
BEHIND_THE_DOOR = ("lepton.operations", "lepton.core.ledger", "lepton_flows")


@pytest.mark.parametrize("room", ["commands", "data", "lineage", "demo"])
def test_a_command_calls_the_front_door_and_nothing_behind_it(room: str) -> None:
    files = sorted((Path(lepton.__file__).parent / "cli" / room).glob("*.py"))
    assert files
    # The demo looks into the ledger while it waits for a worker, and lets the events out before it ends.
    waits = {"lepton.core.ledger", "lepton_flows.runtime"} if room == "demo" else set()
    for file in files:
        past = {name for name in imports(file) if name.startswith(BEHIND_THE_DOOR)}
        assert past - waits <= {"lepton.operations.workspace", *WITHOUT_A_WORKSPACE}, file.name


def imports(file: Path) -> set[str]:
    """Return the modules that a file imports when it runs; what only types ask for is left out."""
    tree = ast.parse(file.read_text("utf-8"))
    typing = [node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)]
    left_out = {id(inner) for node in typing for inner in ast.walk(node)}
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and id(node) not in left_out]
    return {str(node.module) for node in froms}


def test_a_folder_without_a_workspace_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        lepton.open(tmp_path)
    assert any("lepton init" in line for line in caught.value.fix)


def test_rows_in_memory_become_a_file_whose_name_their_content_decides() -> None:
    frame = pd.DataFrame({"a": [1, 2], "label": ["x", "y"]})
    with as_file(frame) as one, as_file(frame.copy()) as again, as_file(frame.iloc[:1]) as other:
        assert one.name == again.name != other.name
        assert pd.read_parquet(one).equals(frame)
    assert not one.exists()
    with as_file(pa.Table.from_pandas(frame), "march") as named:
        assert named.name == "march.parquet"
    with as_file(frame.set_index("a")) as indexed:
        assert list(pd.read_parquet(indexed).columns) == ["a", "label"]


def test_what_is_no_delivery_is_refused() -> None:
    with pytest.raises(UsageError, match="A dict is no delivery"), as_file({"a": [1]}):  # type: ignore[arg-type]
        pass


def test_a_result_is_readable_in_a_terminal_and_escaped_in_a_notebook() -> None:
    from dataclasses import dataclass

    @dataclass(frozen=True)
    class Told(Result):
        domain: str
        rows: int

    told = Told("<b>", 3)
    assert repr(told) == "Told\n  domain  <b>\n  rows    3"
    assert "&lt;b&gt;" in told._repr_html_()
    assert told.to_json() == {"domain": "<b>", "rows": 3}


def test_no_html_is_escaped_by_hand() -> None:
    root = Path(lepton.__file__).parent
    by_hand = [file.name for file in root.rglob("*.py") if {"html", "markupsafe"} & imports(file)]
    assert by_hand == ["html.py"]  # of our own, through which all goes


def test_a_tree_is_a_text_that_keeps_its_lines_in_a_notebook() -> None:
    from lepton.operations.lineage.lineage import LineageTree

    assert "<pre>No model is registered yet.\n1,000 more" in LineageTree((), 1000)._repr_html_()


def test_a_status_is_a_table_with_a_row_a_pair() -> None:
    nothing = dict.fromkeys(PairStatus.__dataclass_fields__)
    pair = PairStatus(**{**nothing, "domain": "site-2", "accuracy": 0.91, "state": "stable", "alerts": ()})
    shown = Status("/shop", "shop", (pair,), None)
    assert "site-2" in str(shown)
    assert "0.910" in str(shown)
    assert "<td>site-2</td>" in shown._repr_html_()
    assert "no target yet" in str(Status("/shop", "shop", (), "lepton pretrain"))
