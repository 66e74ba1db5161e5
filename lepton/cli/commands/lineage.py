"""`lepton lineage`: which model descends from which, on what data, why it serves, and what reached what."""

from __future__ import annotations

import typer

from lepton.cli.lineage import page, reach, views
from lepton.cli.session import Json, LocalAnyway

lineage = typer.Typer(help="Which model came of what, and what comes of it.", rich_markup_mode=None)
"""The group; each view of it is a function in `lepton.cli.lineage`."""


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(lineage, name="lineage")


@lineage.callback(invoke_without_command=True)
def alone(context: typer.Context, json: Json = False, local: LocalAnyway = False) -> None:
    """Which model came of what, and what comes of it; alone it prints the tree."""
    if context.invoked_subcommand is None:
        views.tree(json=json)


lineage.command("tree")(views.tree)
lineage.command("show")(views.show)
lineage.command("diff")(views.diff)
lineage.command("impact")(reach.impact)
lineage.command("html")(page.html)
