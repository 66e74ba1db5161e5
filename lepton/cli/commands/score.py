"""`lepton score`: the champion's predictions for a domain's batches."""

from __future__ import annotations

from typing import Annotated

import typer

from lepton.cli.output import as_json, say
from lepton.cli.session import DryRun, Json, Local, Target, door, enter, where


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("score")(score)


def score(
    domain: Target,
    batch: Annotated[str | None, typer.Option(help="Only this batch; default: all not scored yet.")] = None,
    json: Json = False,
    local: Local = False,
    dry_run: DryRun = False,
) -> None:
    """Let what serves DOMAIN predict its batches, into Parquet.

    Where no model was promoted yet, the un-adapted base answers, marked as provisional.
    """
    ws, on_stack = enter(local)
    done = door(ws, on_stack).score(domain, batch=batch, dry_run=dry_run)
    if json:
        as_json(done.to_json())
        return
    where(on_stack, local)
    if dry_run:
        say(f"Would score {len(done.batches)} batches with {done.champion}: {', '.join(done.batches) or '-'}")
        return
    if not done.scored:
        say(f"Nothing new to score: {done.champion} has scored every batch of {domain!r}.")
    for one in done.scored:
        say(f"{one.batch}: {one.rows:,} rows -> {one.file}")
    if done.provisional:
        say(f"  provisional   {done.champion} is the un-adapted base: nobody verified it on {domain!r}")
        say(f"  next   lepton label-next {domain}   (labels decide what may serve)")
        return
    say(f"  next   lepton monitor {domain}")
