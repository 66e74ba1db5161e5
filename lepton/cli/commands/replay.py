"""`lepton replay` and `lepton backfill`: the monitor over history, as a trial and for real."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from lepton.cli.commands.monitor import accuracy, show
from lepton.cli.output import as_json, progress_bar, say, table
from lepton.cli.session import DryRun, Json, Local, LocalAnyway, Target, at_work, enter, play, where


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
    from lepton.operations.monitor.replay import replay as run

    with progress_bar("replay") as bar:
        found = run(at_work(ws, bar), domain, deliveries or [], hours)
    if json:
        as_json({"windows": found, **_summary(found)})
        return
    if not found:
        say("There is no delivery since the champion was adapted; name files or batches to replay.")
        return
    rows = []
    for window in found:
        o, d = window["observation"], window["decision"]
        told = ", ".join(f"{alert['kind']}: {alert['title']}" for alert in window["alerts"])
        score = max(o["scores"].values(), default=None)
        rows.append(
            (o["window"], o["time"][:16], o["rows"], score, accuracy(o), o["realised_accuracy"], d["action"], told)
        )
    columns = ("window", "time (UTC)", "rows", "drift", "est. accuracy", "realised", "decision", "would have been sent")
    table("Replay (drift 1.0 = the calibrated threshold)", columns, rows)
    total = _summary(found)
    say(f"  {total['alerts']} alerts and {total['retransfers']} retransfers in {len(found)} windows; nothing was sent.")
    if total["retransfers"]:
        say("  The champion stayed the same: what follows a retransfer is judged as if it had been refused.")


def backfill(domain: Target, json: Json = False, local: Local = False, dry_run: DryRun = False) -> None:
    """Judge the windows that were missed.

    Each is judged at the time when it came in, and put on record; people hear once, of what holds after the last one.
    """
    ws, on_stack = enter(local)
    from lepton.operations.monitor.backfill import backfill as flow

    judged = play(flow, on_stack, ws, domain, dry_run)
    if json:
        as_json({"windows": judged, "dry_run": dry_run})
    else:
        where(on_stack, local)
        show(judged, on_stack, {})
    if any(seen["decision"]["state"]["alert_open"] for seen in judged[-1:]):
        raise typer.Exit(4)


def _summary(found: list[dict[str, Any]]) -> dict[str, int]:
    return {
        "alerts": sum(len(window["alerts"]) for window in found),
        "retransfers": sum(window["decision"]["action"] == "retransfer" for window in found),
    }
