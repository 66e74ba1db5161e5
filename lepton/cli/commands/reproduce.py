"""`lepton reproduce`: can this model be made again, bit for bit?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lepton.cli.output import as_json, say, table
from lepton.cli.session import Json, LocalAnyway, door, enter

if TYPE_CHECKING:
    from lepton.models.deviation import Deviation
    from lepton.operations.reproduce.result import Reproduced


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("reproduce")(reproduce)


def reproduce(
    model: Annotated[
        str, typer.Argument(help="DOMAIN, DOMAIN@2, DOMAIN@challenger, or a model's full name.", metavar="MODEL")
    ],
    deep: Annotated[
        bool, typer.Option("--deep", help="Rebuild what it descends from, too, from the source on.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="For CI: one line a model, no progress.")] = False,
    keep: Annotated[
        Path | None, typer.Option(help="Leave what was rebuilt in this new folder.", metavar="FOLDER")
    ] = None,
    json: Json = False,
    local: LocalAnyway = False,
) -> None:
    """Make MODEL again from the registry alone, and compare.

    Exit code 0 if it is identical, 1 if not: then what differs in code, libraries and machine is shown, and by how much
    weights and answers deviate. Changes nothing.
    """
    ws, _ = enter(local)
    done = door(ws, quiet=check or json).reproduce(model, deep=deep, keep=keep)
    if json:
        as_json(done.to_json())
    else:
        for found in done.models:
            say(line(found)) if check else show(found)
        if done.kept:
            say(f"  kept        {done.kept}")
    if not done.identical:
        raise typer.Exit(1)


def line(found: Reproduced) -> str:
    """Return what came of one model in one line."""
    if found.identical:
        return f"identical  {found.model.label}  ({found.seconds:.1f} s)"
    changes = [f"{one.what} {one.then} -> {one.now}" for one in found.differences]
    return f"DIFFERENT  {found.model.label}  {'; '.join([_deviation(found.deviation), *changes])}"


def show(found: Reproduced) -> None:
    """Print what came of one model: that it is the same, or what differs and by how much."""
    data, apart, label = found.data, found.deviation, found.model.label
    if found.identical:
        say(f"{label} came out again, bit for bit ({found.seconds:.1f} s).")
    else:
        say(f"{label} did NOT come out again ({found.seconds:.1f} s).")
    say(f"  strategy    {found.strategy}, seed {found.seed}, threads {found.threads}")
    say(f"  data        {data.domain} {data.digest}, {data.rows:,} rows, {data.labelled:,} labelled")
    if found.parent:
        say(f"  parent      {found.parent.label}, {'rebuilt' if found.parent_rebuilt else 'as it is registered'}")
    if found.identical:
        say(f"  compared    {apart.tensors[1]} tensors, the description, and the answers to {apart.rows:,} rows")
        if found.differences:
            say(f"  although    other than then: {', '.join(one.what for one in found.differences)}")
        return
    say(f"  deviation   {_deviation(apart)}")
    if found.differences:
        rows = [(one.what, one.then, one.now) for one in found.differences]
        table("What differs", ("what", "then", "now"), rows)
    else:
        say("  the same    code, libraries, dependencies and machine: the record, or the files, were changed since")
    say("  next        lepton audit verify")


def _deviation(apart: Deviation) -> str:
    """Return the largest deviations in words."""
    if apart.structure:
        weights = apart.structure
    elif not apart.weights:
        weights = "no weight"
    else:
        weights = f"weights by {apart.weights:.2g} ({apart.tensors[0]} of {apart.tensors[1]} tensors"
        weights += f", most in {apart.tensor})"
    temperature = f", temperature by {apart.temperature:.2g}" if apart.temperature else ""
    if apart.outputs is None:
        return weights + temperature
    return (
        f"{weights}{temperature}, probabilities by {apart.outputs:.2g};"
        f" {apart.answers} of {apart.rows} rows get another answer"
    )
