"""How long each command takes, made from benchmarks/results/house.json: a table with a row a command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from docs.hooks.commands import commands
from docs.hooks.rooms import PROJECT

MEASURED = PROJECT / "benchmarks" / "results" / "house.json"
ID = "H7 "


def table(measured: Path = MEASURED) -> str:
    """Return the table; a command that was not measured has a dash."""
    import typer

    from lepton.cli import main

    found = figures(measured)
    lines = ["| command | seconds | of which computing | |", "|---|--:|--:|---|"]
    for command, context in commands(typer.main.get_command(main.app)):
        if hasattr(command, "commands"):
            continue
        name = context.command_path.removeprefix("lepton ")
        about = (command.help or "").split("\n")[0].rstrip(".")
        one = found.get(name, {})
        lines.append(f"| `lepton {name}` | {_seconds(one.get('value'))} | {_seconds(one.get('cpu'))} | {about} |")
    revisions = sorted({str(one["revision"]) for one in found.values()})
    told = (
        f"Measured at {', '.join(revisions)}."
        if revisions
        else "Not measured yet: `python benchmarks/house --only H7`."
    )
    return "\n".join([*lines, "", told])


def figures(measured: Path = MEASURED) -> dict[str, dict[str, Any]]:
    """Return the figures of the commands by the commands' names; none if nothing was measured yet."""
    known = json.loads(measured.read_text("utf-8")) if measured.exists() else []
    return {str(one["id"]).removeprefix(ID): one for one in known if str(one["id"]).startswith(ID)}


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
