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
import typer

import lepton
from lepton.cli.main import app
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


BEHIND_THE_DOOR = (
    *(f"lepton.{room}" for room in ("operations", "transfer", "pretraining", "monitoring", "registry", "contract")),
    *("lepton.models", "lepton.data", "lepton.core.ledger", "lepton_flows"),
)
FOR_A_REASON = {
    "commands/audit.py": {"lepton.operations.audit"},  # checks a file that somebody else exported
    "commands/doctor.py": {"lepton.operations.doctor"},  # looks at the machine where there is no workspace
    # Before there is a workspace.
    "commands/init.py": {"lepton.operations.delivery", "lepton.operations.first_look", "lepton.operations.init"},
    "commands/ui.py": {"lepton.monitoring.dashboard"},  # a server, which ends with the command
    "data/build.py": {"lepton.data.demo", "lepton.data.versions"},  # of a checkout of lepton, not of a workspace
    # The demo makes its own deliveries, looks into the ledger while it waits, warms up what it times, and lets the
    # events out before it ends.
    "demo/deliveries.py": {"lepton.data.corruptions.images", "lepton.data.demo"},
    "demo/perform.py": {
        "lepton.operations.init",
        "lepton.contract.vendor",
        "lepton.monitoring.vendor",
        "lepton.registry.mlflow.tracking",
        "lepton_flows.runtime",
    },
    "demo/story.py": {"lepton.core.ledger"},
    # The words for what a method returned.
    "lineage/cells.py": {"lepton.registry.lineage.dossier", "lepton.registry.lineage.phrases"},
    "lineage/reach.py": {"lepton.registry.lineage.phrases"},
    "lineage/views.py": {"lepton.registry.lineage.descent"},
    "session.py": {"lepton.operations.runner", "lepton_flows.verbs"},  # opens the door: in process, or by Prefect
    # Starts and watches processes; no method does.
    "stack/deployments.py": {"lepton_flows"},
    "stack/lifecycle.py": {"lepton.core.ledger", "lepton.registry.reconcile"},
    "stack/parts.py": {"lepton.registry.mlflow.server"},
    "stack/watchdog.py": {
        "lepton.operations.machinery",
        "lepton.operations.monitor.alerts",
        "lepton.operations.runtime",
        "lepton.operations.session",
    },
}
"""What a file of the command line imports beside the front door."""
COMMAND_LINE = Path(lepton.__file__).parent / "cli"


@pytest.mark.parametrize(
    "file", sorted(COMMAND_LINE.rglob("*.py")), ids=lambda file: str(file.relative_to(COMMAND_LINE))
)
def test_the_command_line_calls_the_front_door_and_nothing_behind_it(file: Path) -> None:
    past = {name for name in imports(file) if name.startswith(BEHIND_THE_DOOR)} - {"lepton.operations.workspace"}
    assert past == FOR_A_REASON.get(file.relative_to(COMMAND_LINE).as_posix(), set())


METHODS = {
    "ack": "acknowledge",
    "audit export": "export_record",
    "audit served": "served",
    "audit verify": "verify_ledger",
    "config": "settings",
    "data checkout": "checkout",
    "data diff": "data_diff",
    "data forget": "forget",
    "data gc": "collect_garbage",
    "data log": "data_log",
    "data publish": "publish",
    "label-next": "label_next",
    "lineage diff": "diff",
    "lineage html": "draw_lineage",
    "lineage impact": "impact",
    "lineage show": "lineage",
    "lineage tree": "tree",
    "predict": "champion",
    "sbom": "materials",
}
"""The method of a command that bears another name."""
NO_METHOD = {"init", "up", "down", "watch", "ui", "demo", "data build"}
"""`init` is a function, which makes the workspace; the README says why the others are commands only."""


def test_every_command_is_a_method_or_the_readme_says_why_not() -> None:
    told = {name: METHODS.get(name, name) for name in commands(app) if name not in NO_METHOD}
    assert {name for name, method in told.items() if not hasattr(lepton.Workspace, method)} == set()
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    sentence = readme[readme.index("Every command is a method") :].partition("\n\n")[0]
    assert [name for name in NO_METHOD - {"init"} if f"`{name}`" not in sentence] == []


def commands(group: typer.Typer, before: str = "") -> set[str]:
    """Return the names of all commands, as they are typed."""
    inner = {f"{before}{one.name}": one.typer_instance for one in group.registered_groups}
    own = {f"{before}{one.name}" for one in group.registered_commands}
    return own.union(*(commands(one, f"{name} ") for name, one in inner.items() if one is not None))


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
