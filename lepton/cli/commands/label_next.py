"""`lepton label-next`: the rows whose labels would decide most, as a sheet to fill in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lepton.cli.output import as_json, paragraph, say
from lepton.cli.session import DryRun, Json, LocalAnyway, Target, door, open_workspace

if TYPE_CHECKING:
    from lepton.operations.labelling.result import LabelNext

COLUMN = 13


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("label-next")(label_next)


def label_next(
    domain: Target,
    n: Annotated[int, typer.Option("--n", "-n", min=1, help="Rows to label.")] = 20,
    out: Annotated[
        Path | None, typer.Option(help="The sheet.  [default: a new file in reports/labels/DOMAIN/]", metavar="FILE")
    ] = None,
    json: Json = False,
    local: LocalAnyway = False,
    dry_run: DryRun = False,
) -> None:
    """Write the rows of DOMAIN to label next, as a CSV to fill in.

    They are spread over what the models answer, the gate's last challenger too, and each row has the same chance. Once
    held-out rows alone can decide, only these are drawn. How many labels are missing until a verdict is said. The file
    is not overwritten once somebody began to fill it in; `ingest --labels` takes it as it is, empty cells too.
    """
    done = door(open_workspace()).label_next(domain, n=n, out=out, dry_run=dry_run)
    if json:
        as_json(done.to_json())
        return
    show(done)


def show(done: LabelNext) -> None:
    """Print what was drawn, from what, and what its labels are good for."""
    told = dict(done.facts())
    sheet, following = told.pop("sheet"), told.pop("next")
    say(f"{'Would write' if done.dry_run else 'Wrote'} {told.pop('to label')} of {done.domain!r} to {sheet}")
    for name, fact in told.items():
        paragraph(name, str(fact), column=COLUMN)
    if done.marked:
        text = f"{done.marked:,} cells that a spreadsheet would run begin with an apostrophe"
        paragraph("formulas", text, column=COLUMN)
    if not done.dry_run:
        say(f"  {'next':<{COLUMN}}{following}   (once labels are filled in; empty ones are passed over)")
