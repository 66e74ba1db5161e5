"""`lepton promote` and `lepton rollback`: a person decides which version serves."""

from __future__ import annotations

from typing import Annotated

import typer

from lepton.cli.output import as_json, say
from lepton.cli.session import DryRun, Json, Target, enter


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command("promote")(promote)
    app.command("rollback")(rollback)


def promote(
    domain: Target,
    version: Annotated[str, typer.Argument(help="Version of the pair's model, e.g. 2.")],
    why: Annotated[str, typer.Option(help="Recorded in the ledger with your name.")],
    json: Json = False,
    dry_run: DryRun = False,
) -> None:
    """Make VERSION the champion of DOMAIN by hand; the gate's verdict stays on record."""
    ws, _ = enter()
    from flows.promote import promote_by_hand

    done = promote_by_hand(ws, domain, version, why, dry_run)
    if json:
        as_json(done)
    else:
        verb = "Would promote" if dry_run else "Promoted"
        say(f"{verb} {done['model']} for {domain!r}; before: {done['before'] or 'none'}.")
        say(f"  gate said   {done['gate']}")
        say(f"  undo        lepton rollback {domain}")


def rollback(
    domain: Target,
    to: Annotated[str | None, typer.Option(help="Version to go back to; default: the champion before.")] = None,
    why: Annotated[str, typer.Option(help="Recorded in the ledger with your name.")] = "rolled back by hand",
    json: Json = False,
    dry_run: DryRun = False,
) -> None:
    """Give DOMAIN its previous champion back."""
    ws, _ = enter()
    from flows.promote import roll_back

    done = roll_back(ws, domain, to, why, dry_run)
    if json:
        as_json(done)
    else:
        say(f"{'Would roll back' if dry_run else 'Rolled back'} {domain!r}: {done['before']} -> {done['model']}.")
        say("  see         lepton status")
