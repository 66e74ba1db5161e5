"""`lepton export`: what serves a domain in one file that answers without lepton."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lepton.cli.output import as_json, say
from lepton.cli.session import DryRun, Json, LocalAnyway, Target, door, enter


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("export")(export)


def export(
    domain: Target,
    to: Annotated[Path, typer.Option(help="champion.onnx, or champion.html for a page that answers offline.")],
    runtime: Annotated[
        Path | None,
        typer.Option(help="For a page: the package of onnxruntime-web as npm gives it; default: fetched once."),
    ] = None,
    json: Json = False,
    local: LocalAnyway = False,
    dry_run: DryRun = False,
) -> None:
    """Write what serves DOMAIN into one file that answers elsewhere.

    From a raw row to a probability. The file holds example rows with their answers, and is given out only if it
    answers them as the model does.
    """
    ws, _ = enter(local)
    done = door(ws).export(domain, to, runtime=runtime, dry_run=dry_run)
    if json:
        as_json(done.to_json())
        return
    say(f"{'Would write ' if dry_run else ''}{done.file}: {done.size:,} bytes, {done.model.label}.")
    say(f"  examples    answered as the model does, off by at most {done.deviation:.1g}")
    if done.provisional:
        say(f"  provisional {done.model.label} is the un-adapted base: nobody verified it on {domain!r}")
