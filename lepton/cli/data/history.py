"""`lepton data log` and `lepton data diff`: what happened to a domain's data, and what two of its states differ in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lepton.cli.output import as_json, say, table
from lepton.cli.session import Json, LocalAnyway, door, enter

if TYPE_CHECKING:
    from lepton.data.history import Event

Domain = Annotated[str, typer.Argument(help="The domain.", metavar="DOMAIN")]
Use = Annotated[str, typer.Option(help="Which of a model's data: train, validation, held_out, reference.")]


def log(domain: Domain, json: Json = False, local: LocalAnyway = False) -> None:
    """Print what happened to DOMAIN's data, oldest first.

    Deliveries of rows and labels, refusals, recalls, erasures, and which registered versions saw each batch.
    """
    ws, _ = enter(local)
    events = door(ws).data_log(domain)
    if json:
        as_json([event.to_json() for event in events])
        return
    if not events:
        say(f"Nothing was delivered to {domain!r} yet.\n  next   lepton ingest {domain} FILE")
        return
    columns = ["when", "who", "what", "name", "rows", "labelled", "digest", "data.dvc", "seen by"]
    table(f"The data of {domain}", columns, [_line(event) for event in events])
    for event in events:
        if event.why:
            say(f"  {event.kind} {event.what}: {event.why}")


def diff(
    a: Annotated[str, typer.Argument(help="DOMAIN, DOMAIN@WHEN or DOMAIN/BATCH; see above.", metavar="A")],
    b: Annotated[str | None, typer.Argument(help="The same; default: A's domain now.", metavar="[B]")] = None,
    use: Use = "train",
    rows: Annotated[bool, typer.Option("--rows", help="Name the rows by their ids.")] = False,
    json: Json = False,
    local: LocalAnyway = False,
) -> None:
    """Say what changed from state A to B of a domain.

    A state is written DOMAIN (now), DOMAIN@2 or DOMAIN@champion (what that version learnt from), DOMAIN/BATCH (when
    the batch had just come), or DOMAIN@4f3a09 (first digits of an md5 in data.dvc, or of a digest).
    """
    ws, _ = enter(local)
    found = door(ws).data_diff(a, b, use=use, rows=rows)
    if json:
        as_json(found.to_json())
        return
    say(f"From {found.a.words} to {found.b.words}:")
    changed = found.difference
    for kind, names in (("added", changed.batches_added), ("removed", changed.batches_removed)):
        say(f"  batches {kind:<11} {len(names)}{': ' + ', '.join(names) if names else ''}")
    listed = {"added": changed.added, "removed": changed.removed, "relabelled": changed.relabelled}
    for kind, ids in listed.items():
        say(f"  rows {kind:<14} {len(ids):,}")
    if changed.gone:
        say(f"  not compared        {', '.join(changed.gone)}: rows of it were erased, so its older version is gone")
    for kind, ids in listed.items() if rows else ():
        for row_id in ids:
            say(f"  {kind:<11} {row_id}")


def _line(event: Event) -> list[object]:
    return [
        event.time[:16].replace("T", " ") if event.time else None,
        event.who,
        event.kind,
        event.what,
        event.rows,
        event.labelled,
        event.digest[:12] if event.digest else None,
        event.dvc_md5[:12] if event.dvc_md5 else None,
        ", ".join(event.models) if event.models else None,
    ]
