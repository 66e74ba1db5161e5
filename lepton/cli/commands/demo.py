"""`lepton demo`: the whole story on real digits with the real components."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lepton.cli.output import as_json, say, table
from lepton.cli.session import Json


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("demo")(demo)


def demo(
    folder: Annotated[Path, typer.Option(help="The demo's own workspace; made anew each time.")] = Path(".lepton/demo"),
    seed: Annotated[int, typer.Option(help="Deals the digits differently.")] = 0,
    stop: Annotated[
        bool, typer.Option("--down", help="Stop the stack at the end; the links to servers go dead.")
    ] = False,
    json: Json = False,
) -> None:
    """Play the whole story on real digits, drift included.

    Ingest, pretrain, transfer, production, drift, automatic retransfer, lineage.
    """
    from lepton.cli.demo.perform import make_room, perform, publish
    from lepton.cli.stack.lifecycle import down
    from lepton.core.config.workspace import Workspace

    def hear(text: str) -> None:
        if not json:
            say(text)

    root = folder.resolve()
    make_room(root)
    try:
        record = perform(root, seed, hear, lambda text: hear(f"\n{text}"))
    except BaseException:
        down(Workspace(root))
        raise
    rows = publish(record, Workspace(root))
    if stop:
        down(Workspace(root))
    if json:
        as_json(record.to_json())
        return
    say(f"\n6. Lineage\n{record.lineage}")
    table("7. What happened", ("what", "measured", ""), rows)
    for name, link in record.links.items():
        say(f"  {name:<22} {link}")
    say(f"  for machines           {root / 'reports' / 'demo.json'}")
    say(f"\n  next   lepton -w {folder} status" + ("" if stop else f"     stop the servers: lepton -w {folder} down"))
