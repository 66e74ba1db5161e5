"""`lepton audit`: is the ledger whole, who served when, and the record as files for others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lepton.cli.output import as_json, say, table
from lepton.cli.session import DryRun, Json, LocalAnyway, door, open_workspace

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
    values = [reign.to_json() for reign in (ws.reigns(domain) if every else [ws.served(domain, at=at)])]
    if json:
        as_json(values if every else values[0])
    elif every:
        rows = [(_label(v), v["from"][:19], (v["to"] or "now")[:19], v["by"], _cause(v), _gate(v)) for v in values]
        table(f"What served {slot}, times in UTC", ("model", "from", "to", "by", "because", "gate"), rows)
    else:
        value = values[0]
        say(f"{_label(value)} served {slot}" if value["to"] else f"{_label(value)} serves {slot}")
        say(f"  from      {value['from'][:19]} UTC to {(value['to'] or 'now')[:19]}")
        say(f"  by        {value['by']}")
        say(f"  because   {_cause(value)}")
        say(f"  gate      {_gate(value)}")
        for name, number in (value["evidence"].get("metrics") or {}).items():
            if isinstance(number, float):
                say(f"  {name:<9} {number:.4f}")
        say(f"  record    ledger row {value['ledger_row']}")
        say(f"  more      lepton lineage show {domain}@{value['model']['version']}")


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


def _label(value: dict[str, Any]) -> str:
    return f"{value['model']['name']} v{value['model']['version']}"


def _cause(value: dict[str, Any]) -> str:
    cause = value["cause"]
    reason = cause.get("why") or cause.get("reason")
    return f"{cause.get('kind', 'unknown')}: {reason}" if reason else str(cause.get("kind", "unknown"))


def _gate(value: dict[str, Any]) -> str:
    gate = value["evidence"].get("gate") or {}
    return str(gate.get("summary") or "not asked")
