"""`lepton lineage tree`, `show` and `diff`: from the ledger alone; only exact rows are read beside the weights."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lepton.cli.output import as_json, note, say, table
from lepton.cli.session import Json, LocalAnyway, door, hush, open_workspace

if TYPE_CHECKING:
    from lepton.registry.lineage.dossier import Difference

SHOWN = 40
Model = Annotated[
    str, typer.Argument(help="DOMAIN, DOMAIN@2, DOMAIN@challenger, or a model's full name.", metavar="MODEL")
]
Limit = Annotated[
    int | None, typer.Option(min=0, help=f"Show so many versions; 0: all.  [default: {SHOWN}, all with --json]")
]


def tree(
    domain: Annotated[str | None, typer.Argument(help="Only this target's branch.", metavar="[DOMAIN]")] = None,
    limit: Limit = None,
    json: Json = False,
    local: LocalAnyway = False,
) -> None:
    """Print which model descends from which, and why it serves.

    Each with its data, contract, strategy, gate, cause, flow run and code. Of many versions those that serve, wait or
    served come first.
    """
    found = door(open_workspace()).tree(domain, limit=limit if limit is not None else 0 if json else SHOWN)
    if json:
        as_json(found.to_json()["models"])
        if found.hidden:
            note(f"{found.hidden:,} more versions are not shown (--limit 0 shows all).")
    elif not found.nodes:
        say("No model is registered yet." if domain is None else f"No model of {domain!r} is registered yet.")
        first = domain is None or domain == door(open_workspace()).source
        say(f"  next   {'lepton pretrain' if first else f'lepton transfer {domain}'}")
    else:
        from lepton.registry.lineage.descent import Tree, to_text

        say(to_text(Tree(found.nodes)))
        if found.hidden:
            say(f"\n{found.hidden:,} more versions are not shown: those that never served, or not for long.")
            say("  next   lepton lineage tree --limit 0   (all), lepton lineage tree DOMAIN, lepton lineage html")


def show(
    model: Model,
    rows: Annotated[bool, typer.Option("--rows", help="Print the ids of the rows it was made with, by use.")] = False,
    json: Json = False,
    local: LocalAnyway = False,
) -> None:
    """Print everything on record of MODEL.

    What it descends from and what descends from it, data, contract, settings, code, machine, cause, evidence, cost, and
    when it served.
    """
    ws = open_workspace()
    if rows:
        hush()
        made = door(ws).rows_of(model)
        if json:
            as_json(made.to_json())
        else:
            sys.stdout.writelines(f"{use}\t{one}\n" for use, ids in made.rows.items() for one in ids)
        return
    found = door(ws).lineage(model)
    if json:
        as_json(found.to_json())
        return
    from lepton.cli.lineage.cells import dossier_lines

    for name, text in dossier_lines(found.json):
        say(f"{name:<13} {text}".rstrip())


def diff(a: Model, b: Model, json: Json = False, local: LocalAnyway = False) -> None:
    """Print what differs between two versions, and nothing else.

    Data (batches only one of them saw, rows), settings, code, libraries, seed, cause, metrics, gate.
    """
    found = door(open_workspace()).diff(a, b)
    one, other = found.a.label, found.b.label
    if json:
        as_json(found.to_json())
    elif not found.differences:
        same = "It is the same version." if found.a == found.b else "Nothing that is on record differs."
        say(f"{one} and {other}: {same}")
    else:
        lines = [(part, what, *_sides(what, x, y)) for part, what, x, y in together(found.differences)]
        table(f"{one} and {other}", ("part", "what", one, other), lines)


def together(found: Sequence[Difference]) -> list[tuple[str, str, Any, Any]]:
    """Return differences as (part, what, a, b); what is the same for several uses of the data is said once."""
    uses: dict[str, list[str]] = {}
    lines: dict[str, tuple[str, str, Any, Any]] = {}
    for line in found:
        use, what = line.what.split(".", 1) if line.part == "data" else ("", line.what)
        same = repr((line.part, what, line.a, line.b))
        uses.setdefault(same, []).append(use)
        lines[same] = line.part, what, line.a, line.b
    return [
        (part, f"{', '.join(uses[same])}: {what}" if part == "data" else what, a, b)
        for same, (part, what, a, b) in lines.items()
    ]


def _sides(what: str, a: Any, b: Any) -> tuple[str, str]:
    """Return both sides of a line; of batches only those that the other one did not see."""
    from lepton.cli.lineage.cells import brief

    if what.endswith(": batches"):
        a, b = (f"only here: {brief(side)}" if side else None for side in (a, b))
    return brief(a), brief(b)
