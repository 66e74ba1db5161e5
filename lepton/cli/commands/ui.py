"""`lepton ui`: the dashboards of all pairs in a browser."""

from __future__ import annotations

import sys
import threading
import time
from typing import Annotated, TextIO

import typer

from lepton.cli.output import as_json, note
from lepton.cli.session import Json, LocalAnyway, enter


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("ui")(ui)


def ui(
    port: Annotated[int | None, typer.Option(help="Port on 127.0.0.1; default: a free one.")] = None,
    json: Json = False,
    local: LocalAnyway = False,
) -> None:
    """Show drift and accuracy over time in a browser.

    Runs until Ctrl-C. The pages are Evidently's; they show what `lepton monitor` has judged.
    """
    ws, _ = enter(local=True)
    from lepton.cli.stack.ports import free_port
    from lepton.core.errors import NotFound
    from lepton.monitoring.dashboard import INDEX, serve

    if not (ws.dashboard_dir / INDEX).exists():
        raise NotFound(
            "There is nothing to show yet.",
            why="A dashboard is made when the first window of a target is judged.",
            fix=["lepton monitor"],
        )
    at = free_port(port, what="the dashboard")
    note("starting the dashboard ...")
    # Standard output as it is now: the server's words go elsewhere from here on.
    threading.Thread(target=_tell, args=(sys.stdout, f"http://127.0.0.1:{at}", json), daemon=True).start()
    serve(ws.dashboard_dir, at)


def _tell(out: TextIO, address: str, json: bool) -> None:
    """Print the link when it leads somewhere: Evidently takes its seconds to import."""
    from lepton.cli.stack.processes import answers

    while not answers(address, 5):
        time.sleep(0.2)
    if json:
        as_json({"url": address}, out)
    else:
        out.write(f"Dashboards  {address}\nStop        Ctrl-C\n")
    out.flush()
