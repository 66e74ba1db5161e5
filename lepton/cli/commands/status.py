"""`lepton status`: the page an operator opens first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lepton.cli.output import as_json, say, table
from lepton.cli.session import Json, LocalAnyway, door, open_workspace

if TYPE_CHECKING:
    from lepton.operations.status import Status


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("status")(status)


def status(
    domain: Annotated[str | None, typer.Argument(help="Only this target, in detail.", metavar="[DOMAIN]")] = None,
    json: Json = False,
    local: LocalAnyway = False,
) -> None:
    """Show what serves each target, and how it is doing.

    A row a pair: champion, accuracy, last window's drift and estimate, state, last decision and why.
    """
    ws = open_workspace()
    from lepton.cli.stack.lifecycle import running

    found, stack = door(ws).status(domain), running(ws)
    if json:
        up = {"prefect": stack.prefect_url, "mlflow": stack.mlflow_url} if stack else None
        as_json({"workspace": found.workspace, "stack": up, "pairs": [pair.to_json() for pair in found.pairs]})
        return
    show(found, detail=domain is not None)
    say(f"  stack   Prefect {stack.prefect_url}   MLflow {stack.mlflow_url}" if stack else "  stack   down (lepton up)")
    if found.next:
        say(f"  next    {found.next}")
    for pair in found.pairs:
        if pair.recalled:
            say(f"  ATTENTION   {pair.domain} serves {pair.model}, which was recalled: {pair.recalled}")
        for alert in pair.alerts:
            who = f"{alert.acknowledged} looks after it" if alert.acknowledged else f"lepton ack {pair.domain}"
            say(f"  alert       {alert.title}, since {alert.opened:%Y-%m-%d %H:%M} UTC   ({who})")
        if pair.waiting:
            say(f"  waiting     {pair.domain} {pair.waiting} passed the gate and waits for a person's word")
    for pair in found.pairs:
        if pair.next:
            say(f"  next    {pair.next}")


def show(found: Status, detail: bool) -> None:
    """Print a row a pair; for a single one its evidence too."""
    rows = [
        (p.domain, p.champion, p.accuracy, p.window, p.drift, p.estimate, p.state, p.decision, p.why)
        for p in found.pairs
    ]
    columns = ("target", "champion", "accuracy", "last window", "drift", "estimate", "state", "decision", "because")
    title = f"{found.name}: accuracy on held-out rows, drift 1.0 = threshold, estimate = accuracy without labels"
    table(title, columns, rows)
    if detail and found.pairs:
        p = found.pairs[0]
        say(f"  since      {p.since or '-'}  by {p.by or '-'}  because {p.cause or '-'}")
        say(f"  gate       {p.gate or '-'}")
        for column, score in (p.columns or {}).items():
            say(f"  moved      {column}  {score:.2f}")
        say(f"  report     {p.report or '-'}")
