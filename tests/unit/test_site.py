"""What the documentation makes of the code: all of it, and nothing that needs a network."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
import typer

from docs.hooks import commands, links, notebook, offline, rooms, settings, times
from lepton.cli.main import app
from lepton.core.extras import EXTRAS
from tests.documented import Line, files_named

PROJECT = rooms.PROJECT
FILES = [
    str(file.relative_to(PROJECT))
    for folder in ("lepton", "flows", "tests", "benchmarks", "docs", "deploy")
    for file in (PROJECT / folder).rglob("*.py")
]


def test_every_file_of_the_code_is_in_a_room_and_says_what_it_is_for() -> None:
    told = {module.path: module.idea for room in rooms.rooms() for module in room.modules}
    files = {file for folder in ("lepton", "flows") for file in (PROJECT / folder).rglob("*.py")}
    assert files == set(told)
    assert all(told.values())


def test_a_file_without_a_first_line_is_named(tmp_path: Path) -> None:
    silent = tmp_path / "silent.py"
    silent.write_text("x = 1\n")
    with pytest.raises(ValueError, match="no docstring"):
        _ = rooms.Module("silent", silent, package=False).idea


def test_the_reference_of_the_command_line_has_every_command_and_option() -> None:
    text = commands.reference()
    found = list(commands.commands(typer.main.get_command(app)))
    assert len(found) > 30
    for command, context in found:
        assert f"# `{context.command_path}`" in text
        for parameter in command.params:
            assert all(option in text for option in parameter.opts)


def test_exit_codes_stand_at_the_commands_that_have_them() -> None:
    own = commands.reference().split("## `lepton transfer`")[1].split("\n## ")[0]
    assert "Also ends with 3: gate refused." in own


def test_the_reference_of_the_settings_has_every_setting() -> None:
    text = settings.reference()

    def names(schema: dict[str, Any]) -> set[str]:
        inner = [part["properties"] for part in (schema, *schema["$defs"].values()) if "properties" in part]
        return {name for part in inner for name in part}

    from lepton.core.config.settings import Config

    sections = {
        "encoder",
        "pretrain",
        "transfer",
        "monitor",
        "alerts",
        "data",
        "continuation",
        "stack",
        "limits",
        "serve",
    }
    wanted = names(Config.model_json_schema()) - sections
    assert [name for name in sorted(wanted) if f"| `{name}` |" not in text] == []
    assert [name for name in sorted(sections) if name not in text] == []


def test_the_times_have_a_row_for_every_command_whether_it_was_measured_or_not(tmp_path: Path) -> None:
    known = tmp_path / "house.json"
    figure = {"value": 1.26, "cpu": 0.8, "revision": "abc"}
    known.write_text(json.dumps([{"id": "H7 data log", **figure}, {"id": "H1a", **figure}]))
    table = times.table(known)
    assert "| `lepton data log` | 1.3 | 0.8 | Print what happened to DOMAIN's data" in table
    assert "| `lepton ui` | - | - |" in table
    assert "Measured at abc." in table
    assert "Not measured yet" in times.table(tmp_path / "none.json")


def test_every_command_is_timed() -> None:
    found = [context for command, context in commands.commands(typer.main.get_command(app)) if not _is_group(command)]
    names = {context.command_path.removeprefix("lepton ") for context in found}
    source = ast.parse((PROJECT / "benchmarks" / "house" / "h7.py").read_text("utf-8"))
    told = {node.value for node in ast.walk(source) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert [name for name in sorted(names) if not set(name.split()) <= told] == []


def _is_group(command: Any) -> bool:
    return hasattr(command, "commands")


def test_every_extra_is_on_the_page_about_installing() -> None:
    page = (PROJECT / "docs" / "how-to" / "serve-only.md").read_text("utf-8")
    assert [extra for extra in EXTRAS if f"`lepton[{extra}]`" not in page] == []


@pytest.mark.parametrize(
    ("page", "written", "on_site"),
    [
        ("index.md", "[a](../CONTRIBUTING.md#style)", "[a](contributing.md#style)"),
        ("how-to/approve.md", "[a](../../deploy/README.md)", "[a](../running.md)"),
        ("contributing.md", "[a](docs/architecture.md#words)", "[a](architecture.md#words)"),
        ("running.md", "[a](../docs/audit.md)", "[a](audit.md)"),
        ("index.md", "[a](../pyproject.toml)", "[a](files/pyproject.toml)"),
        ("index.md", "[a](https://example.org), `[b](../LICENSE)`", "[a](https://example.org), `[b](../LICENSE)`"),
    ],
)
def test_links_out_of_docs_lead_to_the_same_file_on_the_site(page: str, written: str, on_site: str) -> None:
    assert links.rewritten(written, page, PROJECT)[0] == on_site


def test_a_page_that_loads_from_another_host_is_found(tmp_path: Path) -> None:
    (tmp_path / "good.html").write_text('<a href="https://example.org">x</a><script src="a.js"></script>')
    assert offline.loaded_from_elsewhere(tmp_path) == []
    (tmp_path / "bad.html").write_text(
        '<script src="https://one.example/a.js"></script><link rel="stylesheet" href="//two.example/a.css">'
        "<style>@import url(https://three.example/font.css);</style>"
    )
    found = "\n".join(offline.loaded_from_elsewhere(tmp_path))
    assert [host for host in ("one", "two", "three") if f"{host}.example" not in found] == []


def test_a_notebook_is_run_and_its_answers_are_stored(tmp_path: Path) -> None:
    path = tmp_path / "small.ipynb"
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["# Title"]},
        {"cell_type": "code", "metadata": {}, "source": ["a = 20\n", "print('said')"], "outputs": []},
        {"cell_type": "code", "metadata": {}, "source": ["a + 1"], "outputs": []},
    ]
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    notebook.store(path)
    page = notebook.page(path)
    assert page.index("# Title") < page.index("```text\nsaid\n```") < page.index("```text\n21\n```")


def test_a_cell_that_fails_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "broken.ipynb"
    path.write_text(json.dumps({"cells": [{"cell_type": "code", "metadata": {}, "source": ["1 / 0"]}]}))
    with pytest.raises(RuntimeError, match="1 / 0"):
        notebook.run(path, tmp_path)


EXAMPLE = "lepton/transfer/bias.py"
"""The contributors' guide shows how to write it."""


@pytest.mark.parametrize("line", [line for line in files_named() if line.text != EXAMPLE], ids=str)
def test_a_file_that_the_documents_name_is_there(line: Line) -> None:
    wanted = [line.text]
    if not line.text.endswith(".py"):
        path = line.text.replace(".", "/")
        wanted = [f"{part}{end}" for part in (path, path.rpartition("/")[0]) for end in (".py", "/__init__.py")]
    assert any(f"/{file}".endswith(f"/{end}") for file in FILES for end in wanted)
