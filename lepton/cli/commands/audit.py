"""`lepton audit`: is the ledger whole, who served when, and the record as files for others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lepton.cli.output import as_json, say, table
from lepton.cli.session import DryRun, Json, LocalAnyway, open_workspace

if TYPE_CHECKING:
    from lepton.core.ledger.chain import Sealed

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
    from lepton.registry.audit.history import check_noted, noted_head, tampered

    noted = noted_head(head) if head else None
    rows: Sequence[Sealed]
    if file is not None:
        from lepton.registry.audit.export import check_file

        where = str(file)
        rows, problems = check_file(file)
    else:
        from lepton.core.ledger import Ledger
        from lepton.core.ledger.chain import whole_chain

        ws = open_workspace()
        where = f"the ledger of {ws.config.name}"
        rows, heads = Ledger(ws.ledger_url).stored()
        problems = whole_chain(rows, heads)
    if noted:
        problems += check_noted(rows, noted)
    if json:
        as_json(
            {
                "ok": not problems,
                "rows": len(rows),
                "first": str(rows[0].time) if rows else None,
                "last": str(rows[-1].time) if rows else None,
                "head": f"{rows[-1].seq}:{rows[-1].hash}" if rows else None,
                "problems": problems,
            }
        )
        if problems:
            raise typer.Exit(1)
        return
    if problems:
        raise tampered(problems)
    if not rows:
        say(f"There is nothing in {where} yet.")
        return
    say(f"The chain holds: {len(rows):,} rows in {where}, none edited, removed, inserted or moved.")
    say(f"  from      {str(rows[0].time)[:19]} UTC (row {rows[0].seq})")
    say(f"  to        {str(rows[-1].time)[:19]} UTC (row {rows[-1].seq})")
    say(f"  head      {rows[-1].seq}:{rows[-1].hash}")
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
    from lepton.core.ledger import Ledger
    from lepton.registry.audit.history import moment, reigns, served_at

    if at and every:
        raise UsageError("--at and --all exclude each other.")
    ws = open_workspace()
    ledger, slot = Ledger(ws.ledger_url), ws.slot(domain)
    found = reigns(ledger, slot) if every else [served_at(ledger, slot, moment(at, to_its_end=True) if at else None)]
    values = [reign.to_json() for reign in found]
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
    from lepton.core.errors import UsageError
    from lepton.core.ledger import Ledger
    from lepton.registry.audit.export import FORMATS
    from lepton.registry.audit.export import export as write
    from lepton.registry.audit.history import moment, within

    ws = open_workspace()
    first, last = moment(begin) if begin else None, moment(end, to_its_end=True) if end else None
    if first and last and last <= first:
        raise UsageError("--to lies before --from: there is no time between them.")
    ledger = Ledger(ws.ledger_url)
    if dry_run:
        count = len(within(ledger.entries(), first, last))
        say(f"Would write {count:,} rows to {out} ({', '.join(formats or FORMATS)}).")
        return
    done = write(ledger, ws.config.name, out, first, last, formats or list(FORMATS))
    if json:
        as_json({**done, "folder": str(out.resolve())})
        return
    say(f"Wrote {done['rows']:,} rows of the ledger to {out}.")
    for name in done["files"]:
        say(f"  file      {out / name}")
    if "ledger.jsonl" in done["files"]:
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
