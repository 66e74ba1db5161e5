"""`lepton init`: a workspace from a first delivery of the source."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lepton.cli.output import as_json, say
from lepton.cli.session import DryRun, Json, hush
from lepton.core.errors import UsageError
from lepton.core.kinds import kinds

if TYPE_CHECKING:
    from lepton.core.table import Table
    from lepton.data.looks import Look
    from lepton.operations.first_look import Said
    from lepton.operations.init import Setup

SHOWN = 40
"""Columns that are shown of a wide table, besides those that are unsure."""


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("init")(init)


def init(
    delivery: Annotated[
        str, typer.Option("--from", help="A first labelled delivery: CSV, Parquet, NPZ, folder; or its address.")
    ],
    folder: Annotated[Path, typer.Argument(help="Where; default: here.")] = Path(),
    source: Annotated[str | None, typer.Option(help="Name of the source; default: the file's.")] = None,
    label: Annotated[str | None, typer.Option(help="Column that holds the label.")] = None,
    id: Annotated[str | None, typer.Option(help="Column that identifies a row.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the project; default: the folder's.")] = None,
    kind: Annotated[
        str | None,
        typer.Option(help="What a row is, if the file does not tell: image, tabular, sequence, text, mixed."),
    ] = None,
    text: Annotated[list[str] | None, typer.Option(help="Column of texts to read; may be given again.")] = None,
    category: Annotated[
        list[str] | None, typer.Option(help="Column of names, also where they look like numbers.")
    ] = None,
    number: Annotated[
        list[str] | None, typer.Option(help="Column of amounts, also where they look like codes.")
    ] = None,
    date: Annotated[list[str] | None, typer.Option(help="Column of dates to keep weekday and hour of.")] = None,
    ignore: Annotated[list[str] | None, typer.Option(help="Column to leave out; deliveries need not have it.")] = None,
    no_value: Annotated[list[str] | None, typer.Option(help="Further spelling of no value, such as '?'.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Take the guess where it is unsure what a column is.")] = False,
    json: Json = False,
    dry_run: DryRun = False,
) -> None:
    """Make a workspace from a first delivery of the source.

    Infers kind, columns and label; writes lepton.yaml and the first contracts.
    """
    from lepton.cli.stack.environ import QUIET
    from lepton.operations.delivery import address, as_file
    from lepton.operations.first_look import Said
    from lepton.operations.init import create_workspace, plan_workspace

    os.environ.update(QUIET)
    hush()
    root = folder.resolve()
    if kind is not None and kind not in kinds():
        raise UsageError(f"There is no kind {kind!r}.", why=f"Known: {', '.join(kinds())}.", fix=["leave --kind out"])
    said = Said(
        categories=tuple(category or ()),
        numbers=tuple(number or ()),
        dates=tuple(date or ()),
        ignore=tuple(ignore or ()),
        texts=tuple(text or ()),
        no_value=tuple(no_value or ()),
        label=label,
        id=id,
    )

    with as_file(delivery) if address(delivery) else nullcontext(Path(delivery)) as file:  # as it was typed

        def plan(said: Said) -> tuple[Setup, Table]:
            return plan_workspace(root, file, said=said, kind=kind, source=source, name=name)

        setup, first = plan(said)
        if not (yes or json or dry_run) and sys.stdin.isatty() and sys.stdout.isatty():
            answered = ask(setup, said)
            if answered != said:
                setup, first = plan(answered)
        if dry_run:
            say(setup.yaml())
            for line in column_lines(setup.looks):
                say(f"# {line.strip()}")
            return
        create_workspace(setup, first)
    if json:
        as_json(
            {
                "workspace": str(root),
                "kind": setup.kind,
                "source": setup.source,
                "label": setup.label,
                "classes": setup.classes,
                "columns": [look.to_json() for look in setup.looks],
                "doubt": setup.doubt,
            }
        )
        return
    shown = ", ".join(setup.classes[:8]) + (", ..." if len(setup.classes) > 8 else "")
    say(f"Workspace {setup.name!r} in {root}")
    say(f"  source     {setup.source}: {setup.rows:,} rows of kind {setup.kind}" + _columns(len(setup.columns)))
    say(f"  label      {setup.label!r} with {len(setup.classes)} classes: {shown}")
    if setup.doubt:
        say(f"             unsure: {setup.doubt}")
    for line in column_lines(setup.looks):
        say(line)
    say(f"  wrote      lepton.yaml, contracts/{setup.source}.yaml")
    say(f"  next       {next_command(root, setup.source, delivery)}")


def next_command(root: Path, source: str, delivery: str) -> str:
    """Return the first delivery as it is typed where `init` was: it begins with `cd` if the workspace is elsewhere."""
    from lepton.operations.delivery import address

    here, file = root == Path.cwd(), Path(delivery)
    local = str(file if here or file.is_absolute() else os.path.relpath(file.resolve(), root))
    given = address(delivery) or local
    if here:
        return f"lepton ingest {source} {shlex.quote(given)}"
    return f"cd {shlex.quote(os.path.relpath(root))} && lepton ingest {source} {shlex.quote(given)}"


def column_lines(looks: Sequence[Look]) -> list[str]:
    """Return a line a column; of very many only the first and those that are unsure."""
    shown = [look for place, look in enumerate(looks) if place < SHOWN or look.doubt]
    names = {look.name: " ".join(look.name.split()) or repr(look.name) for look in shown}
    width = min(24, max(map(len, names.values()), default=0))
    lines = ["  columns"] if looks else []
    for look in shown:
        missing = f"  {100 * look.missing:.3g} % missing" if look.missing else ""
        such = f"  such as {', '.join(look.examples)}" if look.examples else ""
        lines.append(f"    {names[look.name]:<{width}}  {look.what:<8}  {look.seen}{missing}{such}")
        if look.doubt:
            lines.append(f"    {'':<{width}}  unsure: {look.doubt}")
    if len(looks) > len(shown):
        lines.append(f"    and {len(looks) - len(shown)} more, all sure")
    return lines


def ask(setup: Setup, said: Said) -> Said:
    """Ask what each unsure column is; an empty answer takes the guess."""
    for look in setup.looks:
        if not look.doubt:
            continue
        say(f"{look.name}: {look.seen}, such as {', '.join(look.examples)}. {look.doubt}.")
        fields = {"n": "numbers", "c": "categories", "t": "texts", "d": "dates", "i": "ignore"}
        choice = typer.prompt(
            "  (n)umber, (c)ategory, (t)ext, (d)ate, (i)gnore, (id) of the row? Enter: as guessed",
            default="",
            show_default=False,
            value_proc=_known,
        )
        if choice == "id":
            said = replace(said, id=look.name)
        elif choice:
            more: dict[str, Any] = {fields[choice]: (*getattr(said, fields[choice]), look.name)}
            said = replace(said, **more)
    return said


def _known(given: str) -> str:
    """Return an answer that `ask` knows; any other is asked for again."""
    answer = given.strip().lower()
    if answer not in ("", "n", "c", "t", "d", "i", "id"):
        raise typer.BadParameter("n, c, t, d, i, id, or nothing")
    return answer


def _columns(count: int) -> str:
    return f" with {count} feature column" + "s" * (count > 1) if count else ""
