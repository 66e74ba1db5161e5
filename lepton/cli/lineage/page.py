"""`lepton lineage html`: the lineage as a page to look at, to send, and to keep with an audit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lepton.cli.output import as_json, say
from lepton.cli.session import DryRun, Json, LocalAnyway, door, open_workspace


def html(
    domain: Annotated[str | None, typer.Argument(help="Only this target's branch.", metavar="[DOMAIN]")] = None,
    out: Annotated[
        Path | None, typer.Option(help="The page's file.  [default: reports/lineage.html]", metavar="FILE")
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="Versions on the page; 0: all.")] = 500,
    json: Json = False,
    local: LocalAnyway = False,
    dry_run: DryRun = False,
) -> None:
    """Draw the lineage as one page that needs no network.

    Source, data, base, adapted models, and the drifts that called for them.

    The file needs no network and no server. Of many versions those that serve, wait or served come first.
    """
    ws = open_workspace()
    done = door(ws).draw_lineage(domain, out=out, limit=limit, dry_run=dry_run)
    if json:
        as_json(done.to_json())
        return
    say(f"{'Would draw' if dry_run else 'Drew'} {done.versions:,} versions ({done.nodes:,} nodes).")
    if done.hidden:
        say(f"  not drawn   {done.hidden:,} versions that never served, or not for long (--limit 0 draws all)")
    say(f"  page        {done.page if dry_run else done.page.resolve().as_uri()}")
