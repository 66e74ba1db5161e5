"""`lepton audit`: is the ledger whole, who served when, and the record as files for others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lepton.cli.output import as_json, say, table
from lepton.cli.session import DryRun, Json, LocalAnyway, door, open_workspace

if TYPE_CHECKING:
    from lepton.registry.audit.history import Reign

audit = typer.Typer(help="Check the ledger, ask it, export it.", no_args_is_help=True, rich_markup_mode=None)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(audit, name="audit")


@audit.callback()
def about() -> None:
    """Check the ledger, ask it, export it."""


@audit.command("verify")
def verify(
    head: Annotated[
        str | None, typer.Option(help="A head noted earlier: it must still be in the chain.", metavar="ROW:HASH")
    ] = None,
    file: Annotated[
        Path | None, typer.Option(help="Check an exported ledger.jsonl instead of the ledger.", metavar="FILE")
    ] = None,
    json: Json = False,
    local: LocalAnyway = False,
) -> None:
    """Walk the chain of hashes.

    Finds any row that was edited, removed, inserted or moved. Exit code 1 if there is one.
    """
    if file is not None:
        from lepton.operations.audit import check_export

        found = check_export(file, head)
    else:
        found = door(open_workspace()).verify_ledger(head=head)
    if json:
        as_json(found.to_json())
        if not found.ok:
            raise typer.Exit(1)
        return
    found.check()
    if found.first is None or found.last is None or found.head is None:
        say(f"There is nothing in {found.where} yet.")
        return
    say(f"The chain holds: {found.rows:,} rows in {found.where}, none edited, removed, inserted or moved.")
    say(f"  from      {found.first[:19]} UTC (row {found.first_row})")
    say(f"  to        {found.last[:19]} UTC (row {found.head.split(':')[0]})")
    say(f"  head      {found.head}")
    say("  note      keep the head elsewhere: lepton audit verify --head ROW:HASH finds a chain that was written anew")


@audit.command("served")
def served(
    domain: Annotated[str, typer.Argument(help="A target, or the source for its base.", metavar="DOMAIN")],
    at: Annotated[
        str | None, typer.Option(help="Date or time, UTC unless it says otherwise; default: now.", metavar="TIME")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Everything that ever served it.")] = False,
    json: Json = False,
    local: LocalAnyway = False,
) -> None:
    """Say which model served DOMAIN at a time, and why.

    Since when, until when, who let it, and on what evidence."""
    from lepton.core.errors import UsageError

    if at and every:
        raise UsageError("--at and --all exclude each other.")
    place = open_workspace()
    ws, slot = door(place), place.slot(domain)
    found = ws.reigns(domain) if every else [ws.served(domain, at=at)]
    if json:
        values = [reign.to_json() for reign in found]
        as_json(values if every else values[0])
    elif every:
        rows = [(one.model.label, *_times(one), one.by, one.cause.line, _gate(one)) for one in found]
        table(f"What served {slot}, times in UTC", ("model", "from", "to", "by", "because", "gate"), rows)
    else:
        one = found[0]
        begin, end = _times(one)
        say(f"{one.model.label} {'served' if one.end else 'serves'} {slot}")
        say(f"  from      {begin} UTC to {end}")
        say(f"  by        {one.by}")
        say(f"  because   {one.cause.line}")
        say(f"  gate      {_gate(one)}")
        for name, number in (one.earned.metrics or {}).items():
            if isinstance(number, float):
                say(f"  {name:<9} {number:.4f}")
        say(f"  record    ledger row {one.champion.seq}")
        say(f"  more      lepton lineage show {domain}@{one.model.version}")


@audit.command("export")
def export(
    out: Annotated[Path, typer.Option(help="Folder to write; made anew.", metavar="FOLDER")] = Path("audit"),
    begin: Annotated[str | None, typer.Option("--from", help="From this date or time on.", metavar="TIME")] = None,
    end: Annotated[
        str | None, typer.Option("--to", help="Before this time, or to the end of this date.", metavar="TIME")
    ] = None,
    formats: Annotated[
        list[str] | None, typer.Option("--format", help="jsonl, openlineage or html; default: all three.")
    ] = None,
    json: Json = False,
    local: LocalAnyway = False,
    dry_run: DryRun = False,
) -> None:
    """Write the record as files, for others.

    As JSON Lines, OpenLineage events and a page to read.

    The JSON Lines can be verified by anybody: lepton audit verify --file.
    """
    ws = door(open_workspace())
    done = ws.export_record(out, begin=begin, end=end, formats=formats or (), dry_run=dry_run)
    if json:
        as_json(done.to_json())
        return
    if dry_run:
        say(f"Would write {done.rows:,} rows to {out} ({', '.join(done.formats)}).")
        return
    say(f"Wrote {done.rows:,} rows of the ledger to {out}.")
    for name in done.files:
        say(f"  file      {out / name}")
    if "ledger.jsonl" in done.files:
        say(f"  check     lepton audit verify --file {out / 'ledger.jsonl'}")


def _times(reign: Reign) -> tuple[str, str]:
    """Return begin and end to the second."""
    end = reign.end.isoformat(timespec="seconds")[:19] if reign.end else "now"
    return reign.begin.isoformat(timespec="seconds")[:19], end


def _gate(reign: Reign) -> str:
    return reign.earned.summary or "not asked"
