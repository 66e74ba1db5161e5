"""The demo's page: picture, table, lineage and links in one self-contained HTML file.

Its links may name this machine's files and servers: it is for whoever ran the demo.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from lepton.core.html import render, trusted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lepton.cli.demo.story import Record


def page(record: Record, figure: Figure, defect: str, rows: list[tuple[str, str, str]]) -> str:
    """Return the page's HTML, one file that opens offline.

    Args:
        record: What the demo measured.
        figure: The picture; drawn into the page as SVG.
        defect: What befell the scanner.
        rows: The closing table: what, value, remark.
    """
    picture = io.StringIO()
    figure.savefig(picture, format="svg", metadata={"Date": None})
    svg = picture.getvalue()
    svg = svg[svg.index("<svg") :]
    return render("lepton.cli.demo", "page.html", defect=defect, picture=trusted(svg), rows=rows, record=record)
