"""`lepton replay` and `lepton backfill`: the monitor over history, as a trial and for real."""

from __future__ import annotations

from typing import Annotated

import typer

from lepton.cli.commands.monitor import accuracy, show
from lepton.cli.output import as_json, say, table
from lepton.cli.session import DryRun, Json, Local, LocalAnyway, Target, door, enter, where


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command("replay")(replay)
    app.command("backfill")(backfill)


def replay(
    domain: Target,
    deliveries: Annotated[
        list[str] | None, typer.Argument(help="Files or batches, oldest first; default: all new batches.")
    ] = None,
    hours: Annotated[float, typer.Option(min=0.0, help="Time between two files.")] = 24.0,
    json: Json = False,
    local: LocalAnyway = False,
) -> None:
    """Show what the monitor would have done.

    Nothing is stored, recorded or sent. Try a policy with LEPTON_MONITOR__CONFIRM=3 lepton replay ..., for instance.
    """
    ws, _ = enter(local=True)
    found = door(ws).replay(domain, deliveries or (), hours=hours)
    if json:
        as_json(found.to_json())
        return
    if not found.windows:
        say("There is no delivery since the champion was adapted; name files or batches to replay.")
        return
    rows = []
    for one in found.windows:
        seen = one.observation
        told = ", ".join(f"{alert.kind}: {alert.title}" for alert in one.alerts)
        about = (seen.window, seen.time.isoformat()[:16], seen.rows, seen.score if seen.scores else None)
        rows.append((*about, accuracy(seen), seen.realised_accuracy, one.decision.action, told))
    columns = ("window", "time (UTC)", "rows", "drift", "est. accuracy", "realised", "decision", "would have been sent")
    table("Replay (drift 1.0 = the calibrated threshold)", columns, rows)
    decided = f"{found.alerts} alerts and {found.retransfers} retransfers in {len(found.windows)} windows"
    say(f"  {decided}; nothing was sent.")
    if found.retransfers:
        say("  The champion stayed the same: what follows a retransfer is judged as if it had been refused.")


def backfill(domain: Target, json: Json = False, local: Local = False, dry_run: DryRun = False) -> None:
    """Judge the windows that were missed.

    Each is judged at the time when it came in, and put on record; people hear once, of what holds after the last one.
    """
    ws, on_stack = enter(local)
    found = door(ws, on_stack).backfill(domain, dry_run=dry_run)
    if json:
        as_json(found.to_json())
    else:
        where(on_stack, local)
        show(found.windows, on_stack, {})
    if found.windows and found.windows[-1].decision.state.alert_open:
        raise typer.Exit(4)
