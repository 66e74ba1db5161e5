"""Rows to look at in a report: the most shifted part of a window, next to rows as the reference has them."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lepton.core.html import render
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


@dataclass(frozen=True)
class Cell:
    """What a cell of the table of rows shows: a picture, a line with what it is of, or text."""

    text: str = ""
    image: str = ""
    points: str = ""
    """Of a line, as SVG writes them."""


@dataclass(frozen=True)
class Picture:
    """An image with the champion's answer to it."""

    id: str
    image: str
    answer: str


@dataclass(frozen=True)
class Side:
    """Rows of the reference, or of the window."""

    title: str
    pictures: Sequence[Picture] = ()
    heads: Sequence[str] = ()
    rows: Sequence[Sequence[Cell]] = ()


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
    names = [name.partition(": ")[2] for name in order if name.startswith("inputs: ")]
    sides = []
    for title, judged, rows in (
        (f"Reference, in the middle of {shown.name}", reference, usual),
        (f"This window, farthest in {shown.name}", current, odd),
    ):
        if judged.table.kind == "image":
            sides.append(Side(title, pictures=_pictures(judged, rows)))
        else:
            heads, cells = _rows(judged, rows, names)
            sides.append(Side(title, heads=heads, rows=cells))
    return render("lepton.monitoring", "examples.html", sides=sides, size=SIDE, wide=WIDE, high=HIGH)


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


def _rows(judged: Judged, rows: NDArray[np.int64], names: Sequence[str]) -> tuple[list[str], list[list[Cell]]]:
    table = judged.table.take(rows)
    frame = table.frame if table.frame is not None else pd.DataFrame(index=range(len(rows)))
    # A summary is named `<column> <summary>`: the column is what can be shown.
    long = (*table.texts, *table.series)
    columns = [c for name in names for c in frame.columns if name == c or (c in long and name.startswith(f"{c} "))]
    chosen = list(dict.fromkeys(columns))[:SHOWN_COLUMNS] or list(frame.columns[:SHOWN_COLUMNS])
    pictured = table.images is not None
    titles = ["row", *(["image"] if pictured else []), *chosen, "answer"]
    lines = []
    for place, answer in enumerate(_answers(judged, rows)):
        cells = [Cell(str(table.ids[place]))]
        if pictured:
            cells.append(Cell(image=_uri(table, place)) if table.has_image()[place] else Cell("none"))
        cells += [_shown(table, name, place) for name in chosen]
        lines.append([*cells, Cell(answer)])
    return titles, lines


def _shown(table: Table, name: str, place: int) -> Cell:
    """Return a cell of a row: a series as a line, a long text by its beginning."""
    assert table.frame is not None
    value = table.frame[name].iloc[place]
    if isinstance(value, np.ndarray):
        return _line(value)
    if name in table.texts and isinstance(value, str) and len(value) > EXCERPT:
        value = value[:EXCERPT] + "..."
    return Cell(f"{value:.5g}" if isinstance(value, float) else str(value))


def _line(one: NDArray[np.float32]) -> Cell:
    """Return a series as a small drawing with its number of steps, its gaps left out."""
    known = np.flatnonzero(np.isfinite(one))
    if not len(known):
        return Cell(f"{len(one)} steps, no value")
    low, high = float(one[known].min()), float(one[known].max())
    x = 2 + (WIDE - 4) * known / max(len(one) - 1, 1)
    y = 2 + (HIGH - 4) * (1 - (one[known] - low) / max(high - low, 1e-9))
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    return Cell(f"{len(one)} steps, {low:.4g} to {high:.4g}", points=points)


def _pictures(judged: Judged, rows: NDArray[np.int64]) -> list[Picture]:
    shown = zip(rows, judged.table.ids[rows], _answers(judged, rows), strict=True)
    return [Picture(str(row_id), _uri(judged.table, row), answer) for row, row_id, answer in shown]


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
