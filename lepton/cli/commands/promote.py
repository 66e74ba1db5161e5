"""`lepton promote` and `lepton rollback`: a person decides which version serves."""

from __future__ import annotations

from typing import Annotated

import typer

from lepton.cli.output import as_json, say
from lepton.cli.session import DryRun, Json, Local, Target, enter


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command("promote")(promote)
    app.command("rollback")(rollback)


def promote(
    domain: Target,
    version: Annotated[str, typer.Argument(help="Version of the pair's model, e.g. 2.")],
    why: Annotated[str, typer.Option(help="Recorded in the ledger with your name.")],
    json: Json = False,
    local: Local = False,
    dry_run: DryRun = False,
) -> None:
    """Let VERSION serve DOMAIN because a person says so.

    The reason and what the gate said of the version go on record in the ledger.
    """
    ws, _ = enter(local)
    from flows.promote import promote_by_hand

    done = promote_by_hand(ws, domain, version, why, dry_run)
    serves_already = done["before"] == done["model"]
    if json:
        as_json({**done, "changed": not (dry_run or serves_already)})
    elif serves_already:
        say(f"{done['model']} serves {domain!r} already; nothing was changed.")
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
    local: Local = False,
    dry_run: DryRun = False,
) -> None:
    """Give DOMAIN its previous champion back."""
    ws, _ = enter(local)
    from flows.promote import roll_back

    done = roll_back(ws, domain, to, why, dry_run)
    if json:
        as_json(done)
    else:
        say(f"{'Would roll back' if dry_run else 'Rolled back'} {domain!r}: {done['before']} -> {done['model']}.")
        say("  see         lepton status")
