"""`lepton pretrain`: train and register the base model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lepton.cli.output import as_json, say
from lepton.cli.session import DryRun, Json, Local, door, enter, where

if TYPE_CHECKING:
    from lepton.core.config.workspace import Workspace
    from lepton.operations.pretrain.job import PretrainJob
    from lepton.operations.pretrain.result import PretrainResult


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("pretrain")(pretrain)


def pretrain(
    go_on: Annotated[bool, typer.Option("--continue", help="Go on with the base, on batches it has not seen.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Do not go on from what an interrupted run left.")] = False,
    json: Json = False,
    local: Local = False,
    dry_run: DryRun = False,
) -> None:
    """Train a base model on the labelled source and register it.

    What was interrupted goes on from its last checkpoint.
    """
    ws, on_stack = enter(local)
    done = door(ws, on_stack).pretrain(go_on=go_on, fresh=fresh, dry_run=dry_run)
    if json:
        as_json(done.to_json())
    elif done.job is not None:
        show_job(ws, done.job)
    else:
        where(on_stack, local)
        show(done)
    if done.outcome == "refused":
        raise typer.Exit(3)


def show_job(ws: Workspace, job: PretrainJob) -> None:
    """Print what would be trained on."""
    say(f"Would train on {job.data.rows:,} rows of {ws.source!r}: {', '.join(job.data.batches)}.")
    for name, ref in job.others.items():
        say(f"  also       {ref.rows:,} rows of {name!r}, {ref.labelled:,} of them labelled")
    if job.continues:
        say(f"  goes on    with {job.continues.base.label}; new: {', '.join(job.continues.batches)}")
    else:
        say(f"  objectives {', then '.join(job.settings.pretrain.chain)}")


def show(done: PretrainResult) -> None:
    """Print the base model's figures and the next command."""
    from lepton.core.metrics import unjudged

    metrics = done.metrics
    if done.interrupted:
        say("The run before had done it all and was interrupted before it could say so.")
    say(f"Base model {done.facts()['base model']}.")
    f1 = f", macro F1 {metrics['f1']:.3f}" if metrics["f1"] is not None else ""
    say(f"  held-out   accuracy {metrics['accuracy']:.3f}{f1}, ECE {metrics['ece']:.3f}")
    if missing := unjudged(metrics):
        say(f"  not judged {', '.join(map(repr, missing))}: no held-out row is of it, so nothing is known of it")
    if done.choice:
        say(f"  encoder    took {done.choice.summary()}")
    say(f"  took       {done.seconds:.1f} s")
    if done.outcome == "refused" and done.gate:
        say(f"  gate       {done.gate.summary}")
    for name, link in done.links.items():
        say(f"  {name:<10} {link}")
    say("  next       lepton transfer DOMAIN")
