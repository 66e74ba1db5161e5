"""The reference of the command line, made from the commands themselves: what `--help` says, all of it on one page."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

USUAL = (0, 1, 2)
"""Exit codes that every command has."""


def reference() -> str:
    """Return every command with its arguments, options and exit codes as Markdown."""
    import typer

    from lepton.cli import main

    root: Any = typer.main.get_command(main.app)
    codes = exit_codes()
    parts = [
        *_options(root, _context(root, "lepton")),
        "",
        "## Exit codes",
        "",
        "| code | meaning |",
        "|---|---|",
        *(f"| {code} | {meaning} |" for code, meaning in codes.items()),
        f"| {main.INTERRUPTED} | interrupted (Ctrl-C) |",
        "",
        "Codes 0, 1 and 2 any command may end with. Another one is named at its command.",
        "",
    ]
    for command, context in commands(root):
        parts += _command(command, context, codes)
    return "\n".join(parts)


def exit_codes() -> dict[int, str]:
    """Return the exit codes as `lepton.cli.main.main` documents them.

    Raises:
        ValueError: If its docstring has no list of them any more.
    """
    from lepton.cli import main

    found = dict(re.findall(r"(\d) ([a-z][a-z ]*?)(?:[,.]|$)", main.main.__doc__ or ""))
    if "0" not in found:
        raise ValueError("the docstring of lepton.cli.main.main does not list the exit codes (`0 ok, 1 error, ...`)")
    return {int(code): meaning for code, meaning in found.items()}


def commands(root: Any, context: Any = None) -> Iterator[tuple[Any, Any]]:
    """Yield every command below a group with its context, groups before what is in them.

    Typer carries a copy of click, so nothing here asks for click's own classes: a group is what has `commands`.
    """
    context = context or _context(root, root.name)
    for name, command in root.commands.items():
        if command.hidden:
            continue
        own = _context(command, name, context)
        yield command, own
        if hasattr(command, "commands"):
            yield from commands(command, own)


def _context(command: Any, name: str, parent: Any = None) -> Any:
    return command.context_class(command, info_name=name, parent=parent)


def _command(command: Any, context: Any, codes: dict[int, str]) -> Iterator[str]:
    path = context.command_path
    level = "##" if path.count(" ") == 1 else "###"
    yield from (f"{level} `{path}`", "")
    usage = command.get_usage(context).removeprefix("Usage: ")
    yield from ("```text", " ".join(usage.split()), "```", "")
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        yield from (_plain(paragraph), "")
    yield from _options(command, context)
    own = [code for code in _ends_with(command) if code not in USUAL]
    if own:
        yield from ("", "Also ends with " + " or ".join(f"{code}: {codes[code]}" for code in own) + ".")
    yield ""


def _ends_with(command: Any) -> list[int]:
    """Return the exit codes that stand in the source of a command."""
    if command.callback is None:
        return []
    source = inspect.getsource(inspect.unwrap(command.callback))
    return sorted({int(code) for code in re.findall(r"typer\.Exit\((\d+)\)", source)})


def _options(command: Any, context: Any) -> Iterator[str]:
    """Yield a table of arguments and options; `--help` is the same everywhere and left out."""
    records = [parameter.get_help_record(context) for parameter in command.params if not parameter.hidden]
    if not records:
        return
    kinds = dict.fromkeys(parameter.param_type_name for parameter in command.params if not parameter.hidden)
    yield from (f"| {' or '.join(kinds)} | meaning |", "|---|---|")
    for name, meaning in filter(None, records):
        yield f"| `{name.replace('|', chr(92) + '|')}` | {_plain(meaning)} |"


def _plain(text: str) -> str:
    """Return a help text for a cell or a paragraph of Markdown."""
    text = " ".join(text.split())
    for sign, written in (("|", "\\|"), ("<", "&lt;"), ("*", "\\*"), ("[", "\\[")):
        text = text.replace(sign, written)
    return text
