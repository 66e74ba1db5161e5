"""`lepton data`: the history of a domain's data, its versions, and what must leave it."""

from __future__ import annotations

import typer

from lepton.cli.data import build, erasure, history, versions

data = typer.Typer(
    help="The data's history and versions, retention and erasure.", no_args_is_help=True, rich_markup_mode=None
)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(data, name="data")


@data.callback()
def about() -> None:
    """The data's history and versions, retention and erasure."""


data.command("log")(history.log)
data.command("diff")(history.diff)
data.command("checkout")(versions.checkout)
data.command("publish")(versions.publish)
data.command("gc")(versions.gc)
data.command("forget")(erasure.forget)
data.command("build")(build.build)
