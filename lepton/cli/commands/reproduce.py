"""`lepton reproduce`: can this model be made again, bit for bit?"""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from lepton.cli.output import as_json, progress_bar, say, table
from lepton.cli.session import Json, LocalAnyway, at_work, enter
from lepton.core.work.progress import silent


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
    from lepton.operations.reproduce.reproduce import reproduce as story

    with nullcontext(silent) if check or json else progress_bar("rebuilding") as bar:
        done = story(at_work(ws, bar), model, deep, keep)
    if json:
        as_json(done)
    else:
        for found in done["models"]:
            say(line(found)) if check else show(found)
        if done["kept"]:
            say(f"  kept        {done['kept']}")
    if not done["identical"]:
        raise typer.Exit(1)


def line(found: dict[str, Any]) -> str:
    """Return what came of one model in one line."""
    label = _label(found["model"])
    if found["identical"]:
        return f"identical  {label}  ({found['seconds']:.1f} s)"
    changes = [f"{one['what']} {one['then']} -> {one['now']}" for one in found["differences"]]
    return f"DIFFERENT  {label}  {'; '.join([_deviation(found['deviation']), *changes])}"


def show(found: dict[str, Any]) -> None:
    """Print what came of one model: that it is the same, or what differs and by how much."""
    data, parent, apart = found["data"], found["parent"], found["deviation"]
    label = _label(found["model"])
    if found["identical"]:
        say(f"{label} came out again, bit for bit ({found['seconds']:.1f} s).")
    else:
        say(f"{label} did NOT come out again ({found['seconds']:.1f} s).")
    say(f"  strategy    {found['strategy']}, seed {found['seed']}, threads {found['threads']}")
    say(f"  data        {data['domain']} {data['digest']}, {data['rows']:,} rows, {data['labelled']:,} labelled")
    if parent:
        say(f"  parent      {_label(parent)}, {'rebuilt' if parent['rebuilt'] else 'as it is registered'}")
    if found["identical"]:
        say(f"  compared    {apart['tensors'][1]} tensors, the description, and the answers to {apart['rows']:,} rows")
        if found["differences"]:
            say(f"  although    other than then: {', '.join(one['what'] for one in found['differences'])}")
        return
    say(f"  deviation   {_deviation(apart)}")
    rows = [(one["what"], one["then"], one["now"]) for one in found["differences"]]
    if rows:
        table("What differs", ("what", "then", "now"), rows)
    else:
        say("  the same    code, libraries, dependencies and machine: the record, or the files, were changed since")
    say("  next        lepton audit verify")


def _deviation(apart: dict[str, Any]) -> str:
    """Return the largest deviations in words."""
    if apart["structure"]:
        weights = str(apart["structure"])
    elif not apart["weights"]:
        weights = "no weight"
    else:
        weights = f"weights by {apart['weights']:.2g} ({apart['tensors'][0]} of {apart['tensors'][1]} tensors"
        weights += f", most in {apart['tensor']})"
    temperature = f", temperature by {apart['temperature']:.2g}" if apart["temperature"] else ""
    if apart["outputs"] is None:
        return weights + temperature
    return (
        f"{weights}{temperature}, probabilities by {apart['outputs']:.2g};"
        f" {apart['answers']} of {apart['rows']} rows get another answer"
    )


def _label(model: dict[str, Any]) -> str:
    return f"{model['name']} v{model['version']}"
