"""`lepton data build`: the data that the repository's own data.dvc pins."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lepton.cli.output import as_json, say
from lepton.cli.session import DryRun, Json, hush


def build(
    folder: Annotated[Path, typer.Argument(help="Folder that holds data.dvc; default: here.")] = Path(),
    json: Json = False,
    dry_run: DryRun = False,
) -> None:
    """Make the demo's data/ from the shipped digits.

    It is byte for byte what data.dvc says.
    """
    import os

    from lepton.cli.stack.environ import QUIET

    os.environ.update(QUIET)
    hush()
    from lepton.data.demo import build as make
    from lepton.data.demo import check
    from lepton.data.versions import status_clean

    if dry_run:
        check(folder.resolve())
        say(f"Would write mnist and optdigits to {folder.resolve() / 'data'}.")
        return

    files = make(folder.resolve())
    clean = status_clean(folder.resolve()) if (folder / "data.dvc").exists() else None
    if json:
        as_json({"files": [str(file) for file in files], "clean": clean})
        return
    for file in files:
        say(f"{file}  {file.stat().st_size:,} bytes")
    if clean is not None:
        say("data.dvc agrees." if clean else "data.dvc says something else: dvc status")
    if clean is False:
        raise typer.Exit(1)
