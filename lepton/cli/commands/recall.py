"""`lepton recall`: a poisoned model or batch is marked, and what serves it is moved back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

import lepton
from lepton.cli.output import as_json, say
from lepton.cli.session import DryRun, Json, Local, door, enter
from lepton.core.refs import domain_of

if TYPE_CHECKING:
    from lepton.operations.recall import RecallResult


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("recall")(recall)


def recall(
    why: Annotated[str, typer.Option(help="Recorded in the ledger with your name.")],
    model: Annotated[
        str | None, typer.Argument(help="DOMAIN, DOMAIN@2, or a model's full name and version.", metavar="[MODEL]")
    ] = None,
    batch: Annotated[
        str | None, typer.Option(help="Recall a batch, and every model that saw it.", metavar="DOMAIN/BATCH")
    ] = None,
    lift: Annotated[bool, typer.Option("--lift", help="Take the recall back; promotes nothing.")] = False,
    json: Json = False,
    local: Local = False,
    dry_run: DryRun = False,
) -> None:
    """Mark MODEL, or a batch, as poisoned, with what came of it.

    Lists every descendant and every pair that serves one; champions are moved back where lepton.yaml allows it.
    """
    ws, _ = enter(local)
    done = door(ws).recall(model, why=why, batch=batch, lift=lift, dry_run=dry_run)
    if json:
        as_json(done.to_json())
    elif isinstance(done, lepton.RecallResult):
        show(done)
    else:
        say(f"{'Would lift' if dry_run else 'Lifted'} the recall of {done.subject}: {why}")
        say("  note        nothing was promoted; lepton transfer, or lepton promote DOMAIN VERSION --why, does that")


def show(done: RecallResult) -> None:
    """Print what is marked, what served it, and what was done about that; what could not be done comes last, loudly."""
    verb = "Would recall" if done.dry_run else ("Recalled before" if done.known else "Recalled")
    say(f"{verb}: {done.subject}. {len(done.models)} registered versions are concerned.")
    for label in done.models:
        say(f"  recalled    {label}")
    for one in done.serving:
        if one.moved_to:
            say(f"  {one.pair:<11} {one.model} -> {one.moved_to}")
    for one in done.serving:
        if not one.moved_to:
            say(f"  ATTENTION   {one.pair} still serves {one.model}, which is recalled. {one.why_not}")
            again = f"transfer {domain_of(one.pair)}" if "-to-" in one.pair else "pretrain"
            say(f"  next        lepton {again}   (or promote a version by hand)")
    if not done.serving:
        say("  serving     no pair serves one of them")
