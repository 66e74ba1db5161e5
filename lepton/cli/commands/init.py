"""`lepton init`: a workspace from a first delivery of the source."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from lepton.cli.output import as_json, say
from lepton.cli.session import DryRun, Json, hush
from lepton.core.errors import UsageError
from lepton.core.kinds import kinds


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("init")(init)


def init(
    file: Annotated[Path, typer.Option("--from", help="A first labelled delivery: CSV, Parquet, NPZ, folder.")],
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
    json: Json = False,
    dry_run: DryRun = False,
) -> None:
    """Make a workspace from a first delivery of the source.

    Infers kind, columns and label; writes lepton.yaml and the first contracts.
    """
    from lepton.cli.stack.environ import QUIET
    from lepton.operations.init import create_workspace, plan_workspace

    os.environ.update(QUIET)
    hush()
    root = folder.resolve()
    if kind is not None and kind not in kinds():
        raise UsageError(f"There is no kind {kind!r}.", why=f"Known: {', '.join(kinds())}.", fix=["leave --kind out"])
    setup, first = plan_workspace(root, file, source=source, label=label, id=id, name=name, kind=kind, texts=text or ())
    if dry_run:
        say(setup.yaml())
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
            }
        )
        return
    shown = ", ".join(setup.classes[:8]) + (", ..." if len(setup.classes) > 8 else "")
    say(f"Workspace {setup.name!r} in {root}")
    say(f"  source     {setup.source}: {setup.rows:,} rows of kind {setup.kind}" + _columns(len(setup.columns)))
    say(f"  label      {setup.label!r} with {len(setup.classes)} classes: {shown}")
    say(f"  wrote      lepton.yaml, contracts/{setup.source}.yaml")
    say(f"  next       {next_command(root, setup.source, file)}")


def next_command(root: Path, source: str, file: Path) -> str:
    """Return the first delivery as it is typed where `init` was: it begins with `cd` if the workspace is elsewhere."""
    if root == Path.cwd():
        return f"lepton ingest {source} {shlex.quote(str(file))}"
    given = file if file.is_absolute() else Path(os.path.relpath(file.resolve(), root))
    return f"cd {shlex.quote(os.path.relpath(root))} && lepton ingest {source} {shlex.quote(str(given))}"


def _columns(count: int) -> str:
    return f" with {count} feature column" + "s" * (count > 1) if count else ""
