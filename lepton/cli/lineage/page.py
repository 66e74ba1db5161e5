"""`lepton lineage html`: the lineage as a page to look at, to send, and to keep with an audit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lepton.cli.output import as_json, say
from lepton.cli.session import DryRun, Json, LocalAnyway, open_workspace

FILE = "lineage.html"


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
    from lepton.core.errors import LeptonError, NotFound
    from lepton.core.ledger import Ledger
    from lepton.core.work.files import atomic_write
    from lepton.registry.lineage.page.graph import graph
    from lepton.registry.lineage.page.render import render

    path = out or ws.reports_dir / FILE
    drawn = graph(Ledger(ws.ledger_url), ws.source, ws.slot(domain) if domain else None, limit)
    if not drawn["total"]:
        raise NotFound("No model is registered yet: there is nothing to draw.", fix=["lepton pretrain"])
    if not dry_run:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(path, render(drawn, f"Lineage of {domain or ws.config.name}"))
        except OSError as error:
            raise LeptonError(f"{path} cannot be written.", why=str(error), fix=["--out FILE"]) from None
    versions = drawn["total"] - drawn["hidden"]
    if json:
        told = {"page": str(path), "versions": versions, "hidden": drawn["hidden"], "nodes": len(drawn["nodes"])}
        as_json({**told, "dry_run": dry_run})
        return
    say(f"{'Would draw' if dry_run else 'Drew'} {versions:,} versions ({len(drawn['nodes']):,} nodes).")
    if drawn["hidden"]:
        say(f"  not drawn   {drawn['hidden']:,} versions that never served, or not for long (--limit 0 draws all)")
    say(f"  page        {path if dry_run else path.resolve().as_uri()}")
