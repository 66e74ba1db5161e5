"""The demo's page: picture, table, lineage and links in one self-contained HTML file."""

from __future__ import annotations

import html
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lepton.cli.demo.story import Record

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#1f2430;max-width:62rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin-bottom:.2rem} h2{font-size:1.1rem;margin-top:2rem} svg{max-width:100%;height:auto}
table{border-collapse:collapse} td,th{padding:.25rem .9rem .25rem 0;text-align:left;border-bottom:1px solid #e5e7eb}
td.n{text-align:right;font-variant-numeric:tabular-nums}
pre{background:#f6f7f9;padding:1rem;overflow-x:auto;font-size:13px}
.note{color:#5b6472}
"""


def page(record: Record, figure: Figure, defect: str, rows: list[tuple[str, str, str]]) -> str:
    """Return the page's HTML.

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
    cells = "\n".join(
        f"<tr><td>{html.escape(a)}</td><td class=n>{html.escape(b)}</td><td class=note>{html.escape(c)}</td></tr>"
        for a, b, c in rows
    )
    links = "\n".join(f'<li><a href="{html.escape(u)}">{html.escape(n)}</a></li>' for n, u in record.links.items())
    return f"""<!doctype html><html lang=en><meta charset=utf-8><title>lepton demo</title><style>{STYLE}</style>
<h1>lepton: one base model, a new site, and a scanner that degrades</h1>
<p class=note>Real images (MNIST and optdigits); the degradation is {html.escape(defect)}.
Every step was a Prefect flow, every model is in MLflow, every window was judged by Evidently.</p>
{svg}
<h2>In numbers</h2><table>{cells}</table>
<h2>Where each model comes from</h2><pre>{html.escape(record.lineage)}</pre>
<h2>A delivery that was refused</h2><pre>{html.escape(record.refused)}</pre>
<h2>Look closer</h2><ul>{links}</ul>
</html>
"""
