"""The lineage as a page: drawn from the ledger into one file that needs no network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lepton.core.errors import LeptonError, NotFound
from lepton.core.work.files import atomic_write
from lepton.operations.result import Result
from lepton.operations.session import Session

FILE = "lineage.html"


@dataclass(frozen=True)
class LineagePage(Result):
    """A page that was drawn."""

    page: Path
    versions: int
    """Drawn."""
    hidden: int
    """Versions that are not on it: those that never served, or not for long."""
    nodes: int
    """Source, data, versions and causes."""
    dry_run: bool


def draw_page(
    session: Session, domain: str | None = None, out: Path | None = None, limit: int = 500, dry_run: bool = False
) -> LineagePage:
    """Draw the lineage.

    Args:
        session: The workspace at work.
        domain: Only this target's branch.
        out: The page's file; by default `reports/lineage.html`.
        limit: Versions on the page, those that serve, wait or served first; 0: all.
        dry_run: Say what would be drawn.

    Raises:
        NotFound: If no model is registered yet.
        LeptonError: If the file cannot be written.
    """
    from lepton.registry.lineage.page.graph import graph
    from lepton.registry.lineage.page.render import render

    ws = session.ws
    path = out or ws.reports_dir / FILE
    drawn = graph(session.ledger, ws.source, ws.slot(domain) if domain else None, limit)
    if not drawn["total"]:
        raise NotFound("No model is registered yet: there is nothing to draw.", fix=["lepton pretrain"])
    if not dry_run:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(path, render(drawn, f"Lineage of {domain or ws.config.name}"))
        except OSError as error:
            raise LeptonError(f"{path} cannot be written.", why=str(error), fix=["--out FILE"]) from None
    return LineagePage(path, drawn["total"] - drawn["hidden"], drawn["hidden"], len(drawn["nodes"]), dry_run)
