"""Command lines that stand in the documentation and in the remedies of errors, and whether the real CLI takes them."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docs.hooks.notebook import TUTORIAL, cells

PROJECT = Path(__file__).resolve().parents[1]
WORD = "2"
"""What stands for a placeholder: taken where a name, a path, a version or a number is asked for."""
PROGRAM = "lepton"
FENCE = re.compile(r"^(?P<fence>```|~~~)(?P<language>\w*)[^\n]*\n(?P<body>.*?)^(?P=fence)", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+(?:\n[^`\n]+)?)`")
VARIABLE = re.compile(r"[A-Z_]+=\S*\s+")
INCOMPLETE = ("MissingParameter", "BadOptionUsage", "NoArgsIsHelpError")
"""Errors of click: an argument or option is missing, what an option stands for, or a command of a group."""
EXPLANATION = re.compile(r"\s+#\s.*$|\s{2,}\(.*$")


@dataclass(frozen=True)
class Line:
    """A command line as it is written somewhere."""

    place: str
    text: str
    mention: bool = False
    """Whether it stands in a sentence: there `lepton recall` may name the command without what it needs."""

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


class Wrong(Exception):
    """The command line does not take it."""


def in_documents(project: Path = PROJECT) -> list[Line]:
    """Return the command lines of README, CONTRIBUTING, deploy/README, all pages below docs/ and the tutorial."""
    return [line for place, text in _texts(project) for line in in_text(text, place)]


def _texts(project: Path) -> list[tuple[str, str]]:
    """Return every document with its place in the repository."""
    files = [project / name for name in ("README.md", "CONTRIBUTING.md", "deploy/README.md")]
    files += sorted((project / "docs").rglob("*.md"))
    texts = [(str(file.relative_to(project)), file.read_text("utf-8")) for file in files]
    tutorial = str(TUTORIAL.relative_to(project))
    return texts + [(tutorial, cell.source) for cell in cells(TUTORIAL) if cell.kind == "markdown"]


def in_text(text: str, place: str) -> Iterator[Line]:
    """Yield the command lines of a Markdown text: those in fenced blocks, then inline code that begins so."""
    for block in FENCE.finditer(text):
        at = text[: block.start("body")].count("\n") + 1
        joined = re.sub(r"\\\n\s*", " ", block["body"])
        for number, written in enumerate(joined.splitlines()):
            written = re.sub(rf"^\S*/{PROGRAM} ", f"{PROGRAM} ", VARIABLE.sub("", written.strip().removeprefix("$ ")))
            if written.startswith(f"{PROGRAM} ") and block["language"] in ("", "bash", "console", "sh"):
                yield Line(f"{place}:{at + number}", written)
    prose = FENCE.sub(lambda block: "\n" * block.group().count("\n"), text)
    for code in INLINE.finditer(prose):
        written = VARIABLE.sub("", " ".join(code[1].split()))
        if written.startswith(f"{PROGRAM} "):
            yield Line(f"{place}:{prose[: code.start()].count(chr(10)) + 1}", written, mention=True)


def files_named(project: Path = PROJECT) -> list[Line]:
    """Return the Python files that the documents name in inline code, as `core/refs.py` or `core.refs.Pair`."""
    rooms = "|".join(folder.name for folder in sorted((project / PROGRAM).iterdir()) if folder.is_dir())
    file = re.compile(r"[\w./-]*\w\.py")
    name = re.compile(rf"{PROGRAM}\.(?:{rooms})(?:\.\w+)*|(?:{rooms})(?:\.\w+){{2,}}")  # `transfer.goal` is a setting
    return [
        Line(f"{place}:{number}", code[1])
        for place, text in _texts(project)
        for number, written in enumerate(text.splitlines(), start=1)
        for code in INLINE.finditer(written)
        if (file.fullmatch(code[1]) or name.fullmatch(code[1])) and not re.search(r"[A-Z]{4}", code[1])
    ]


def in_remedies(folders: tuple[Path, ...]) -> list[Line]:
    """Return the command lines among the remedies of all errors: strings given as `fix=[...]` anywhere in the code."""
    return [
        line
        for folder in folders
        for file in sorted(folder.rglob("*.py"))
        for line in in_code(file.read_text("utf-8"), str(file.relative_to(folder.parent)))
    ]


def in_hints(folders: tuple[Path, ...]) -> list[Line]:
    """Return what other texts in the code tell a user to type next: strings that begin with a command that there is."""
    known = "|".join(_root().commands)
    hint = re.compile(rf"(?:\s*next\s+)?({PROGRAM} (?:{known})(?: .*)?)$")
    found = []
    for file in (file for folder in folders for file in sorted(folder.rglob("*.py"))):
        module = ast.parse(file.read_text("utf-8"))
        inside = {id(part) for node in ast.walk(module) if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in ast.walk(module):
            if not isinstance(node, ast.Constant | ast.JoinedStr) or id(node) in inside:
                continue
            if text := hint.match(_text(node, {})):
                found.append(Line(f"{file.relative_to(PROJECT)}:{node.lineno}", text[1], mention=True))
    return found


def in_code(source: str, place: str) -> Iterator[Line]:
    """Yield the command lines among the remedies in a module."""
    module = ast.parse(source)
    names = {
        target.id: node.value
        for node in ast.walk(module)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(module):
        if isinstance(node, ast.keyword) and node.arg == "fix":
            for text in _strings(node.value, names):
                if found := re.match(rf"(?:.*: )?({PROGRAM} .*)$", text, re.DOTALL):
                    yield Line(f"{place}:{node.value.lineno}", found[1])


def _strings(node: ast.expr, names: dict[str, ast.expr]) -> Iterator[str]:
    """Yield the strings that an expression may be, or hold, with words for what only a run would know."""
    if isinstance(node, ast.List | ast.Tuple):
        for part in node.elts:
            yield from _strings(part, names)
    elif isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp):
        if isinstance(text := _text(node, names), str):
            yield text
    elif isinstance(node, ast.IfExp):
        yield from _strings(node.body, names)
        yield from _strings(node.orelse, names)
    elif isinstance(node, ast.Starred):
        yield from _strings(node.value, names)
    elif isinstance(node, ast.ListComp | ast.GeneratorExp):
        yield from _strings(node.elt, names)
    elif isinstance(node, ast.Name) and node.id in names:
        yield from _strings(names[node.id], {name: value for name, value in names.items() if name != node.id})


def _text(node: ast.expr, names: dict[str, ast.expr]) -> str:
    """Return a string as it may read in the end."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part, names) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return _text(node.value, names)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _text(node.left, names) + _text(node.right, names)
    if isinstance(node, ast.Name) and isinstance(names.get(node.id), ast.JoinedStr | ast.Constant):
        return _text(names[node.id], {name: value for name, value in names.items() if name != node.id})
    return WORD


def parse(line: Line) -> None:
    """Let the real command line parse a command, without running it.

    Raises:
        Wrong: If there is no such command, option or value, or something that it needs is missing.
    """
    for part in EXPLANATION.sub("", line.text).split(" && "):
        words = shlex.split(part)
        if words and words[0] == PROGRAM:
            _parse(words[1:], line)


def _parse(words: list[str], line: Line) -> None:
    if "--help" in words:
        return
    command, context, name = _root(), None, PROGRAM
    while True:
        try:
            context = command.make_context(name, list(words), parent=context)
        except Exception as error:
            if type(error).__name__ in INCOMPLETE and line.mention:
                return
            said = error.format_message() if hasattr(error, "format_message") else error
            raise Wrong(f"{line}: {said}") from None
        if not hasattr(command, "commands"):
            return
        rest = [*context._protected_args, *context.args]
        if not rest or rest[0] in ("...", WORD) or re.fullmatch(r"[A-Z]+", rest[0]):
            return  # `lepton COMMAND --json` speaks of any command
        name, words = rest[0], rest[1:]
        if name not in command.commands:
            raise Wrong(f"{line}: there is no command {name!r}")
        command = command.commands[name]


def _root() -> Any:
    import typer

    from lepton.cli.main import app

    return typer.main.get_command(app)
