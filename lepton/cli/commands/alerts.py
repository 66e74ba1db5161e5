"""`lepton alerts`, `lepton ack` and `lepton snooze`: what is open, and what people do about it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from lepton.cli.output import as_json, say, table
from lepton.cli.session import DryRun, Json, Local, Target, door, enter

if TYPE_CHECKING:
    from lepton.core.decisions.alerts import Standing

Why = Annotated[str, typer.Option(help="Recorded in the ledger with your name.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command("alerts")(alerts)
    app.command("ack")(ack)
    app.command("snooze")(snooze)


def alerts(
    domain: Annotated[str | None, typer.Argument(help="A target; default: all.", metavar="[DOMAIN]")] = None,
    all: Annotated[bool, typer.Option("--all", help="Those that ended, too.")] = False,
    json: Json = False,
    local: Local = False,
) -> None:
    """List the open alerts and who looks after them."""
    ws, _ = enter(local)
    found = door(ws).alerts(domain, all=all)
    if json:
        as_json({"alerts": [one.to_json() for one in found]})
    elif found:
        show(found)
    else:
        say("No alert was ever sent." if all else "No alert is open.")


def ack(domain: Target, why: Why = "seen", json: Json = False, local: Local = False, dry_run: DryRun = False) -> None:
    """Say that you look after the open alerts of DOMAIN."""
    ws, _ = enter(local)
    _told(door(ws).acknowledge(domain, why=why, dry_run=dry_run), json, dry_run, "acknowledged")


def snooze(
    domain: Target,
    hours: Annotated[float, typer.Option(min=0.01, max=24 * 30, help="How long.")] = 8.0,
    why: Why = "snoozed",
    json: Json = False,
    local: Local = False,
    dry_run: DryRun = False,
) -> None:
    """Hold back the updates of DOMAIN's open alerts.

    That an alert is over is told in any case; so is one that opens later.
    """
    ws, _ = enter(local)
    _told(door(ws).snooze(domain, hours=hours, why=why, dry_run=dry_run), json, dry_run, "snoozed")


def show(found: list[Standing]) -> None:
    """Print a row an alert."""
    now = datetime.now(UTC)
    rows = [
        (one.pair, one.cause, one.severity, f"{one.opened:%Y-%m-%d %H:%M}", one.state(now), one.title) for one in found
    ]
    table("Alerts", ("pair", "cause", "severity", "since (UTC)", "state", "what"), rows)


def _told(found: list[Standing], json: bool, dry_run: bool, what: str) -> None:
    if json:
        as_json({"alerts": [one.to_json() for one in found], "dry_run": dry_run})
        return
    say(f"Would be {what}:" if dry_run else f"On record as {what}:")
    show(found)
