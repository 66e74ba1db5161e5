"""Sheets to be labelled: rows as a CSV with an empty column for the label, which comes back as a delivery of labels.

The id comes first, the empty label beside it, then what helps a person to tell: columns of numbers, categories and
texts, and where an image was delivered from a folder, its path. A series has no place in a cell. What a model answers
is left out on purpose: who sees it agrees too often. What a spreadsheet would run is marked, as in every table for
people, and `ingest` takes the marks off the ids again.

Sheets hold copies of rows, so an erasure looks into those that lie where they are written by default.
"""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd

from lepton.core.config.workspace import Workspace
from lepton.core.splits import PIXELS
from lepton.core.table import Table
from lepton.core.work.files import atomic_write
from lepton.data.erase import Asked
from lepton.data.spreadsheet import harmless, original

IMAGE = "image"
"""Column with the path that an image was delivered from."""
NAME = "next"


def sheet(table: Table, id: str, label: str) -> tuple[str, int]:
    """Return the rows of a table as CSV, and how many cells were marked because a spreadsheet would run them.

    Args:
        table: The rows, in the order in which they are to be labelled.
        id: Name of the first column.
        label: Name of the second, which is empty.
    """
    found = pd.DataFrame({id: table.ids, label: [""] * len(table)}, dtype="object")
    if any(PIXELS in one for one in table.ids) and IMAGE not in found:
        found[IMAGE] = [one.partition(PIXELS)[0] if PIXELS in one else "" for one in table.ids]
    if table.frame is not None:
        shown = table.frame[[name for name in table.frame.columns if name not in (*table.series, *found.columns)]]
        found = pd.concat([found, shown.reset_index(drop=True)], axis=1)
    marked, count = harmless(found)
    return marked.to_csv(index=False), count


def free_path(ws: Workspace, domain: str, content: str) -> Path:
    """Return where a sheet of a domain goes: a file that is not there, or that holds this very content.

    What somebody has begun to fill in is never written over.
    """
    path, number = folder_of(ws, domain) / f"{NAME}.csv", 2
    while path.exists() and path.read_bytes() != content.encode():
        path = path.with_name(f"{NAME}-{number}.csv")
        number += 1
    return path


def folder_of(ws: Workspace, domain: str) -> Path:
    """Return the folder of a domain's sheets."""
    return ws.reports_dir / "labels" / domain


def erase_from_sheets(ws: Workspace, domain: str, asked: Asked) -> None:
    """Drop rows from the sheets of a domain; one that cannot be read any more, or has none left, goes whole."""
    for path in sorted(one for one in folder_of(ws, domain).glob("*") if one.is_file()):
        content = path.read_bytes()
        try:
            rows = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False, encoding="utf-8-sig")
        except ValueError:  # no CSV, or no text
            path.unlink()
            continue
        meant = [asked.which(original(str(one))) is not None for one in rows.iloc[:, 0]]
        if all(meant) or len(rows.columns) < 2:  # of one column, it is separated by something else now
            path.unlink()
        elif any(meant):
            atomic_write(path, rows[[not one for one in meant]].to_csv(index=False))
