"""Rows to look at in a report: the most shifted part of a window, next to rows as the reference has them."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lepton.core.table import Table
from lepton.monitoring.answers import Judged
from lepton.monitoring.aspects import Column

SHOWN_COLUMNS = 6
EXCERPT = 160
"""Characters of a text that are shown."""
WIDE, HIGH = 160, 36
"""Pixels of a series' drawing."""
SIDE = 72
"""Pixels of a picture in the report, at most."""
CELL = 'style="padding:2px 14px 2px 0;text-align:left"'


def examples_html(
    reference: Judged, current: Judged, columns: Sequence[Column], order: Sequence[str], count: int
) -> str:
    """Return a piece of HTML with `count` rows of each side; empty if none are asked for or nothing can be shown.

    The rows are those of the window that lie farthest on the side to which its most shifted column moved, and those of
    the reference that are nearest to its middle there.

    Args:
        reference: Rows that were compared.
        current: Rows of the window that were compared.
        columns: What they were compared by, as `watched_columns` returned it for these very rows.
        order: Names of columns, the most shifted first.
        count: Rows of each side.
    """
    by_name = {column.name: column for column in columns}
    shown = next((by_name[name] for name in order if name in by_name), None)
    if count < 1 or shown is None or not len(current):
        return ""
    usual, odd = typical(shown, count), farthest(shown, count)
    draw = _pictures if current.table.kind == "image" else _rows
    names = [name.partition(": ")[2] for name in order if name.startswith("inputs: ")]
    parts = [
        (f"Reference, in the middle of {shown.name}", draw(reference, usual, names)),
        (f"This window, farthest in {shown.name}", draw(current, odd, names)),
    ]
    return "".join(f'<h2 style="font-size:15px;margin:14px 0 4px">{escape(title)}</h2>{body}' for title, body in parts)


def farthest(column: Column, count: int) -> NDArray[np.int64]:
    """Return at most `count` positions in the window, those first that show best how it moved."""
    known = np.flatnonzero(~pd.isna(column.current))
    values = column.current[known]
    if column.kind == "number":
        numbers, before = values.astype(np.float64), column.reference.astype(np.float64)
        away = numbers - float(np.nanmedian(before))
        moved = float(np.median(away))
        wider_only = abs(moved) <= 1e-9 * max(1.0, float(np.nanstd(before)))
        return known[np.argsort(-np.abs(away) if wider_only else -away * np.sign(moved), kind="stable")][:count]
    old = pd.Series(column.reference).value_counts(normalize=True)
    new = pd.Series(values).value_counts(normalize=True)
    grown = new.sub(old, fill_value=0.0).idxmax()
    return known[np.argsort(values != grown, kind="stable")][:count]


def typical(column: Column, count: int) -> NDArray[np.int64]:
    """Return at most `count` positions in the reference, the most usual ones first."""
    known = np.flatnonzero(~pd.isna(column.reference))
    values = column.reference[known]
    if column.kind == "number":
        numbers = values.astype(np.float64)
        return known[np.argsort(np.abs(numbers - np.median(numbers)), kind="stable")][:count]
    common = pd.Series(values).mode().iloc[0]
    return known[np.argsort(values != common, kind="stable")][:count]


def _answers(judged: Judged, rows: NDArray[np.int64]) -> list[str]:
    chances = judged.probabilities[rows]
    return [f"{judged.classes[p.argmax()]} ({p.max():.0%})" if np.isfinite(p).all() else "?" for p in chances]


def _rows(judged: Judged, rows: NDArray[np.int64], names: Sequence[str]) -> str:
    table = judged.table.take(rows)
    frame = table.frame if table.frame is not None else pd.DataFrame(index=range(len(rows)))
    # A summary is named `<column> <summary>`: the column is what can be shown.
    long = (*table.texts, *table.series)
    columns = [c for name in names for c in frame.columns if name == c or (c in long and name.startswith(f"{c} "))]
    chosen = list(dict.fromkeys(columns))[:SHOWN_COLUMNS] or list(frame.columns[:SHOWN_COLUMNS])
    pictured = table.images is not None
    titles = ["row", *(["image"] if pictured else []), *chosen, "answer"]
    head = "".join(f"<th {CELL}>{escape(str(name))}</th>" for name in titles)
    lines = []
    for place, answer in enumerate(_answers(judged, rows)):
        cells = [escape(str(table.ids[place]))]
        if pictured:
            there = table.has_image()[place]
            cells.append(f'<img alt="" width="{SIDE}" src="{_uri(table, place)}">' if there else "none")
        cells += [_shown(table, name, place) for name in chosen]
        cells.append(escape(answer))
        lines.append("<tr>" + "".join(f"<td {CELL}>{cell}</td>" for cell in cells) + "</tr>")
    return f"<table><tr>{head}</tr>{''.join(lines)}</table>"


def _shown(table: Table, name: str, place: int) -> str:
    """Return a cell of a row as HTML: a series as a line, a long text by its beginning."""
    assert table.frame is not None
    value = table.frame[name].iloc[place]
    if isinstance(value, np.ndarray):
        return _line(value)
    if name in table.texts and isinstance(value, str) and len(value) > EXCERPT:
        value = value[:EXCERPT] + "..."
    return escape(f"{value:.5g}" if isinstance(value, float) else str(value))


def _line(one: NDArray[np.float32]) -> str:
    """Return a series as a small drawing with its number of steps, its gaps left out."""
    known = np.flatnonzero(np.isfinite(one))
    if not len(known):
        return f"{len(one)} steps, no value"
    low, high = float(one[known].min()), float(one[known].max())
    x = 2 + (WIDE - 4) * known / max(len(one) - 1, 1)
    y = 2 + (HIGH - 4) * (1 - (one[known] - low) / max(high - low, 1e-9))
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    return (
        f'<svg width="{WIDE}" height="{HIGH}" role="img" aria-label="{len(one)} steps from {low:.4g} to {high:.4g}">'
        f'<polyline points="{points}" fill="none" stroke="#0969da" stroke-width="1"/></svg>'
        f' <span style="color:#59636e;font-size:12px">{len(one)} steps, {low:.4g} to {high:.4g}</span>'
    )


def _pictures(judged: Judged, rows: NDArray[np.int64], names: Sequence[str]) -> str:
    found = []
    for row, row_id, answer in zip(rows, judged.table.ids[rows], _answers(judged, rows), strict=True):
        found.append(
            f'<figure style="display:inline-block;margin:0 10px 6px 0"><img alt="{escape(str(row_id))}"'
            f' width="{SIDE}" style="image-rendering:pixelated;border:1px solid #d0d7de"'
            f' src="{_uri(judged.table, row)}">'
            f'<figcaption style="font-size:12px;color:#59636e">{escape(answer)}</figcaption></figure>'
        )
    return f"<div>{''.join(found)}</div>"


def _uri(table: Table, row: int) -> str:
    """Return one image as a data address: PNG, no larger than SIDE."""
    from PIL import Image

    assert table.images is not None
    pixels = np.nan_to_num(np.asarray(table.images[row], dtype=np.float64), posinf=1.0, neginf=0.0)
    scale = 1.0 if table.images.dtype == np.uint8 else 255.0
    shown = np.rint(np.clip(pixels * scale, 0, 255)).astype(np.uint8)
    shown = shown[:3] if len(shown) >= 3 else shown[:1]
    image = Image.fromarray(shown[0] if len(shown) == 1 else np.moveaxis(shown, 0, -1))
    image.thumbnail((SIDE, SIDE))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
