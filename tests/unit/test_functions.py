"""How many parameters a function has: more than eight only where its docstring says why."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import lepton

ROOT = Path(lepton.__file__).parent
MOST = 8


def functions(file: Path) -> Iterator[tuple[str, int, str]]:
    """Yield name, number of parameters and docstring of every function; `self` is none."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names = [one.arg for one in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
            yield node.name, len(names) - (names[:1] in (["self"], ["cls"])), ast.get_docstring(node) or ""


def test_a_function_of_many_parameters_says_why() -> None:
    commands = ROOT / "cli" / "commands"  # an option of a command is a parameter, and says itself what it is for
    many = [
        (file.relative_to(ROOT).as_posix(), name)
        for file in sorted(ROOT.rglob("*.py"))
        if not file.is_relative_to(commands)
        for name, count, doc in functions(file)
        if count > MOST and "arguments because" not in " ".join(doc.split())
    ]
    assert many == []


def test_parameters_are_counted_as_a_reader_counts_them(tmp_path: Path) -> None:
    file = tmp_path / "some.py"
    file.write_text("class A:\n    def f(self, a, /, b, *, c=1):\n        'Why.'\n")
    assert list(functions(file)) == [("f", 3, "Why.")]
