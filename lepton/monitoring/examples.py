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
from lepton.monitoring.aspects import Column
from lepton.monitoring.judged import Judged

SHOWN_COLUMNS = 6
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
    draw = _pictures if current.table.images is not None else _rows
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
    assert judged.table.frame is not None
    frame = judged.table.frame.iloc[rows]
    chosen = [name for name in dict.fromkeys(names) if name in frame.columns][:SHOWN_COLUMNS]
    chosen = chosen or list(frame.columns[:SHOWN_COLUMNS])
    head = "".join(f"<th {CELL}>{escape(str(name))}</th>" for name in ["row", *chosen, "answer"])
    lines = []
    for row_id, answer, (_, values) in zip(
        judged.table.ids[rows], _answers(judged, rows), frame[chosen].iterrows(), strict=True
    ):
        cells = [str(row_id), *(f"{v:.5g}" if isinstance(v, float) else str(v) for v in values), answer]
        lines.append("<tr>" + "".join(f"<td {CELL}>{escape(cell)}</td>" for cell in cells) + "</tr>")
    return f"<table><tr>{head}</tr>{''.join(lines)}</table>"


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
