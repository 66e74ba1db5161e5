"""How many parameters a function has: more than eight only where its docstring says why, and counts them right."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import typer

import lepton
from lepton.cli.main import app

ROOT = Path(lepton.__file__).parent
MOST = 8
NUMBERS = ("nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen")
"""In words, from the first that needs a reason."""


def functions(file: Path) -> Iterator[tuple[str, int, str]]:
    """Yield name, number of parameters and docstring of every function; `self` is none."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names = [one.arg for one in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
            yield node.name, len(names) - (names[:1] in (["self"], ["cls"])), ast.get_docstring(node) or ""


def commands(group: typer.Typer) -> Iterator[tuple[str, str]]:
    """Yield file and name of the function behind every command.

    These need no reason: a parameter of theirs is an option that a person may type, and says itself what it is for.
    """
    for command in group.registered_commands:
        assert command.callback is not None
        module = command.callback.__module__.removeprefix("lepton.").replace(".", "/")
        yield f"{module}.py", command.callback.__name__
    for inner in group.registered_groups:
        assert inner.typer_instance is not None
        yield from commands(inner.typer_instance)


def gives_a_reason(count: int, doc: str) -> bool:
    """Return whether a docstring says why there are so many, and if it gives a number, the right one."""
    said = re.search(r"(\w+) arguments because", " ".join(doc.split()))
    return said is not None and said[1] in ("many", NUMBERS[min(count - MOST, len(NUMBERS)) - 1])


def test_a_function_of_many_parameters_says_why() -> None:
    typed = set(commands(app))
    assert ("cli/commands/init.py", "init") in typed
    many = [
        (file.relative_to(ROOT).as_posix(), name, count)
        for file in sorted(ROOT.rglob("*.py"))
        for name, count, doc in functions(file)
        if count > MOST and not gives_a_reason(count, doc)
    ]
    assert [one for one in many if one[:2] not in typed] == []


def test_a_reason_counts_right() -> None:
    assert gives_a_reason(9, "It takes nine\narguments because so it is.")
    assert gives_a_reason(14, "It takes fourteen arguments because so it is.")
    assert not gives_a_reason(14, "It takes nine arguments because so it is.")
    assert not gives_a_reason(9, "It takes nine arguments.")


def test_parameters_are_counted_as_a_reader_counts_them(tmp_path: Path) -> None:
    file = tmp_path / "some.py"
    file.write_text("class A:\n    def f(self, a, /, b, *, c=1):\n        'Why.'\n")
    assert list(functions(file)) == [("f", 3, "Why.")]
