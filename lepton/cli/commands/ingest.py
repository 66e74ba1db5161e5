"""`lepton ingest`: take one delivery into a domain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lepton.cli.output import as_json, say
from lepton.cli.session import DryRun, Json, Local, door, enter, where

if TYPE_CHECKING:
    from lepton.core.config.workspace import Workspace
    from lepton.operations.ingest import IngestResult


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("ingest")(ingest)


def ingest(
    domain: Annotated[str, typer.Argument(help="Where the rows come from.")],
    path: Annotated[
        str | None,
        typer.Argument(
            help="CSV (also .gz, .zst), Parquet, NPZ, a folder of images by class; or its address: https://, s3://."
        ),
    ] = None,
    sql: Annotated[str | None, typer.Option(help="In place of PATH: a query, whose rows are delivered.")] = None,
    db: Annotated[
        str | None, typer.Option(help="Where to ask it: SQLAlchemy URL, or env:NAME of a variable with one.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the batch; default: from the file's name.")] = None,
    labels: Annotated[bool, typer.Option("--labels", help="FILE holds ids and labels of rows already here.")] = False,
    new: Annotated[bool, typer.Option("--new", help="Add DOMAIN as a new target.")] = False,
    json: Json = False,
    local: Local = False,
    dry_run: DryRun = False,
) -> None:
    """Take a delivery into DOMAIN if it keeps the contract.

    It is checked, stored and versioned; one that breaks the contract goes to quarantine with the reason.
    """
    ws, on_stack = enter(local)
    taken = door(ws, on_stack).ingest(domain, path, sql=sql, db=db, name=name, labels=labels, new=new, dry_run=dry_run)
    if json:
        as_json(taken.to_json())
        return
    where(on_stack, local)
    show(domain, taken, dry_run)
    if not dry_run:
        say(f"  next       {next_command(ws, domain, labels)}")


def next_command(ws: Workspace, domain: str, labels: bool) -> str:
    """Return what to type after a delivery: new labels are there to be learnt from, new rows to be judged."""
    serving = door(ws).serving
    if domain == ws.source or serving(ws.source) is None:
        return "lepton pretrain"
    if labels or serving(domain) is None:
        return f"lepton transfer {domain}"
    return f"lepton monitor {domain}"


def show(domain: str, taken: IngestResult, dry_run: bool = False) -> None:
    """Print what was taken in."""
    verb = "would be stored" if dry_run else "completed" if taken.completed else "stored"
    labelled = f"{taken.labelled:,} labelled" if taken.labelled else "no labels"
    say(f"Delivery {taken.batch!r} {verb} in domain {domain!r}: {taken.rows:,} rows, {labelled}.")
    if taken.repeated:
        say(f"  repeated   {taken.repeated:,} rows of the delivery are stored already and were left out")
    if taken.set_aside:
        one = taken.set_aside == 1
        say(f"  set aside  {taken.set_aside:,} {'row is' if one else 'rows are'} out of bounds and not stored:")
        for line in taken.contract.lines():
            say(f"               {line}")
        say(f"             {'it is' if one else 'they are'} in quarantine/{domain}/, with the reason beside")
    if taken.left_open:
        rows = "1 row has" if taken.left_open == 1 else f"{taken.left_open:,} rows have"
        say(f"  left open  {rows} no label yet and count as not delivered")
    url = taken.contract.docs_url
    say(f"  contract   passed{f'   {url}' if url else ''}")
    if taken.data:
        say(f"  data       {taken.data.digest[:16]}  (dvc {taken.data.dvc_md5 or '-'})")
