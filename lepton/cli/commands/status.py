"""`lepton status`: the page an operator opens first."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from lepton.cli.output import as_json, say, table
from lepton.cli.session import Json, LocalAnyway, open_workspace


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
    from lepton.cli.overview import first_step, overview
    from lepton.cli.stack.lifecycle import running

    if domain is not None:
        ws.check_known(domain)
    pairs = overview(ws, domain)
    stack = running(ws)
    if json:
        up = {"prefect": stack.prefect_url, "mlflow": stack.mlflow_url} if stack else None
        as_json({"workspace": str(ws.root), "stack": up, "pairs": pairs})
        return
    show(ws.config.name, pairs, detail=domain is not None)
    say(f"  stack   Prefect {stack.prefect_url}   MLflow {stack.mlflow_url}" if stack else "  stack   down (lepton up)")
    if not pairs:
        say(f"  next    {first_step(ws)}")
    for pair in pairs:
        if pair["recalled"]:
            say(f"  ATTENTION   {pair['domain']} serves {pair['model']}, which was recalled: {pair['recalled']}")
        for alert in pair["alerts"]:
            who = f"{alert['acknowledged']} looks after it" if alert["acknowledged"] else f"lepton ack {pair['domain']}"
            say(f"  alert       {alert['title']}, since {alert['opened'][:16].replace('T', ' ')} UTC   ({who})")
        if pair["waiting"]:
            say(f"  waiting     {pair['domain']} {pair['waiting']} passed the gate and waits for a person's word")
    for pair in pairs:
        if pair["next"]:
            say(f"  next    {pair['next']}")


def show(name: str, pairs: list[dict[str, Any]], detail: bool) -> None:
    """Print a row a pair; for a single one its evidence too."""
    rows = [
        (
            p["domain"],
            p["champion"],
            p["accuracy"],
            p["window"],
            p["drift"],
            p["estimate"],
            p["state"],
            p["decision"],
            p["why"],
        )
        for p in pairs
    ]
    columns = ("target", "champion", "accuracy", "last window", "drift", "estimate", "state", "decision", "because")
    table(
        f"{name}: accuracy on held-out rows, drift 1.0 = threshold, estimate = accuracy without labels", columns, rows
    )
    if detail and pairs:
        p = pairs[0]
        say(f"  since      {p['since'] or '-'}  by {p['by'] or '-'}  because {p['cause'] or '-'}")
        say(f"  gate       {p['gate'] or '-'}")
        for column, score in (p["columns"] or {}).items():
            say(f"  moved      {column}  {score:.2f}")
        say(f"  report     {p['report'] or '-'}")
