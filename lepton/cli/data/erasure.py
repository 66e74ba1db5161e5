"""`lepton data forget`: rows that must leave, whatever holds them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lepton.cli.output import as_json, say
from lepton.cli.session import DryRun, Json, LocalAnyway, door, enter

if TYPE_CHECKING:
    from lepton.operations.data.erasure import ForgetResult


def forget(
    ids: Annotated[
        Path | None, typer.Option(help="Text file, an id a line. Without: finish an interrupted one.")
    ] = None,
    domain: Annotated[str | None, typer.Option(help="Look in this domain only.")] = None,
    why: Annotated[str | None, typer.Option(help="For the ledger, which keeps it for ever: no names, no ids.")] = None,
    json: Json = False,
    local: LocalAnyway = False,
    dry_run: DryRun = False,
) -> None:
    """Erase rows from everything that holds them.

    From data/, every older version of it in cache and remote, predictions, quarantine and caches; this cannot be taken
    back. The ledger records how many and why, never which. Says which registered versions saw them. An id is written
    as it was delivered, or as lepton derived it; the part before its first ~ means all rows of that content.
    """
    ws, _ = enter(local)
    done = door(ws).forget(ids, domain=domain, why=why, dry_run=dry_run)
    if json:
        as_json(done.to_json())
        return
    show(done)


def show(done: ForgetResult) -> None:
    """Print what went, who saw it, and what could not be erased, which comes last."""
    verb = "Would erase" if done.dry_run else "Erased"
    say(f"{verb}: {done.found:,} of {done.asked:,} ids were found. {done.why}")
    for name, found in done.domains.items():
        if not (found.found or found.unread):
            continue
        parts = [f"{rows} from {batch}" for batch, rows in found.batches.items()]
        parts += [f"{rows} labels from {batch}" for batch, rows in found.labels.items()]
        parts += [f"{found.predictions} predictions"] if found.predictions else []
        parts += [f"{found.quarantine} refused deliveries (whole)"] if found.quarantine else []
        say(f"  {name:<11} {', '.join(parts) or 'nothing'}")
    places = [f"{count} objects from the {place}" for place, count in done.objects.items()]
    say(f"  versions    {', '.join(places)}; features and thresholds are computed anew")
    for one in done.models:
        say(f"  model       {one.model} {one.how}{', serves now' if one.serves else ''}")
    if held := [one.model for one in done.models if one.holds_ids]:
        say(
            f"  ATTENTION   ids remain in rows.json of {', '.join(held)}: sealed until the version is deleted in MLflow"
        )
    if done.ledger_rows:
        say(f"  ATTENTION   ledger rows {', '.join(map(str, done.ledger_rows))} name an id and cannot be changed")
    for found in done.domains.values():
        for path in found.unread:
            say(f"  ATTENTION   {path} cannot be looked into: look yourself, and remove it if a row is in it")
    for step in done.next:
        say(f"  next        {step}")
