"""`lepton promote`, `lepton rollback` and `lepton reject`: a person decides which version serves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lepton.cli.output import as_json, say
from lepton.cli.session import DryRun, Json, Local, Target, door, enter

if TYPE_CHECKING:
    from lepton.operations.promotion import PromotionResult


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command("promote")(promote)
    app.command("rollback")(rollback)
    app.command("reject")(reject)


def promote(
    domain: Target,
    version: Annotated[
        str | None, typer.Argument(help="Version of the pair's model, e.g. 2; with --approve the one that waits.")
    ] = None,
    why: Annotated[str | None, typer.Option(help="Recorded in the ledger with your name.")] = None,
    approve: Annotated[bool, typer.Option("--approve", help="Say yes to the version that waits for a person.")] = False,
    json: Json = False,
    local: Local = False,
    dry_run: DryRun = False,
) -> None:
    """Let VERSION serve DOMAIN because a person says so.

    The reason and what the gate said of the version go on record in the ledger.
    """
    from lepton.core.errors import UsageError

    if not approve and (version is None or why is None):
        missing = "a VERSION" if version is None else "a reason"
        raise UsageError(
            f"A promotion by hand needs {missing}.",
            fix=[f'lepton promote {domain} {version or "VERSION"} --why "..."', f"lepton promote {domain} --approve"],
        )
    ws, _ = enter(local)
    if approve:
        done = door(ws).approve(domain, version, why=why or "approved", dry_run=dry_run)
    else:
        done = door(ws).promote(domain, str(version), why=str(why), dry_run=dry_run)
    _show(domain, done, json, verbs=("Would approve", "Approved") if approve else ("Would promote", "Promoted"))


def rollback(
    domain: Target,
    to: Annotated[str | None, typer.Option(help="Version to go back to; default: the champion before.")] = None,
    why: Annotated[str, typer.Option(help="Recorded in the ledger with your name.")] = "rolled back by hand",
    json: Json = False,
    local: Local = False,
    dry_run: DryRun = False,
) -> None:
    """Give DOMAIN its previous champion back.

    Champions that were recalled since are passed over.
    """
    ws, _ = enter(local)
    done = door(ws).rollback(domain, to=to, why=why, dry_run=dry_run)
    if json:
        as_json(done.to_json())
    else:
        say(f"{'Would roll back' if dry_run else 'Rolled back'} {domain!r}: {done.before} -> {done.model}.")
        say("  see         lepton status")


def reject(
    domain: Target,
    why: Annotated[str, typer.Option(help="Recorded in the ledger with your name.")],
    version: Annotated[str | None, typer.Argument(help="Version to reject; default: the one that waits.")] = None,
    json: Json = False,
    local: Local = False,
    dry_run: DryRun = False,
) -> None:
    """Say no to the version that waits for a person.

    Or to any other VERSION that does not serve; the reason goes on record.
    """
    ws, _ = enter(local)
    done = door(ws).reject(domain, version, why=why, dry_run=dry_run)
    if json:
        as_json(done.to_json())
    else:
        say(f"{'Would reject' if dry_run else 'Rejected'} {done.model} for {domain!r}: {why}")
        say(f"  serves      {done.serving or 'none'}, as before")


def _show(domain: str, done: PromotionResult, json: bool, verbs: tuple[str, str]) -> None:
    if json:
        as_json(done.to_json())
    elif done.before == done.model:
        say(f"{done.model} serves {domain!r} already; nothing was changed.")
    else:
        verb = verbs[0] if done.dry_run else verbs[1]
        say(f"{verb} {done.model} for {domain!r}; before: {done.before or 'none'}.")
        say(f"  gate said   {done.gate}")
        say(f"  undo        lepton rollback {domain}")
