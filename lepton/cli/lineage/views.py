"""`lepton lineage tree`, `show` and `diff`: from the ledger alone; only exact rows are read beside the weights."""

from __future__ import annotations

import json as jsons
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
    found = door(ws).lineage(model)
    if rows:
        _show_rows(ws, found.model, json)
        return
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
    ws = open_workspace()
    from lepton.core.ledger import Ledger
    from lepton.registry.lineage.dossier import differences
    from lepton.registry.lineage.family import family, records
    from lepton.registry.lineage.find import find_model

    ledger = Ledger(ws.ledger_url)
    refs = [find_model(ws, ledger, words) for words in (a, b)]
    known = family(ledger)
    one, other = (known[ref.name, ref.version] for ref in refs)
    made = records(ledger, [one, other])
    found = differences(one, made[one.key], other, made[other.key])
    if json:
        as_json({"a": refs[0].to_json(), "b": refs[1].to_json(), "differences": [line.to_json() for line in found]})
    elif not found:
        same = "It is the same version." if refs[0] == refs[1] else "Nothing that is on record differs."
        say(f"{refs[0].label} and {refs[1].label}: {same}")
    else:
        lines = [(part, what, *_sides(what, x, y)) for part, what, x, y in together(found)]
        table(f"{refs[0].label} and {refs[1].label}", ("part", "what", refs[0].label, refs[1].label), lines)


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


def _show_rows(ws: Any, ref: Any, json: bool) -> None:
    """Print the ids in `rows.json`, after every file of the version was compared with its checksum."""
    from lepton.core.errors import NotFound
    from lepton.registry.models import fetch

    hush()
    path = fetch(ws, ref.name, ref.version, expect=ref.digest)[1] / "rows.json"
    if not path.exists():
        raise NotFound(
            f"{ref.label} has no list of its rows.",
            why="It was registered before they were kept.",
            fix=[f"lepton lineage show {ref.name}@{ref.version}  (the batches that it saw)"],
        )
    uses: dict[str, list[str]] = jsons.loads(path.read_text(encoding="utf-8"))
    if json:
        as_json({"model": ref.to_json(), "rows": uses})
        return
    sys.stdout.writelines(f"{use}\t{one}\n" for use, ids in uses.items() for one in ids)
