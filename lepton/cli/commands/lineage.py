"""`lepton lineage`: which model descends from which, on what data, and why it serves."""

from __future__ import annotations

from typing import Annotated

import typer

from lepton.cli.output import as_json, say
from lepton.cli.session import Json, Local, enter


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("lineage")(lineage)


def lineage(
    domain: Annotated[str | None, typer.Argument(help="Only this target's branch.", metavar="[DOMAIN]")] = None,
    json: Json = False,
    local: Local = False,
) -> None:
    """Print which model descends from which, and why it serves.

    Each with its data, contract, strategy, gate, cause, flow run and code revision.
    """
    ws, _ = enter(local)
    from flows.records import lineage_tree
    from lepton.registry.descent import to_json, to_text

    nodes = lineage_tree(ws, domain)
    if json:
        as_json(to_json(nodes))
    elif nodes:
        say(to_text(nodes))
    else:
        say("No model is registered yet.\n  next   lepton pretrain")
