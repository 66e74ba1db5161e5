"""Labels that come later: a CSV or Parquet file with an id and a label a row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lepton.core.config.limits import LimitsConfig
from lepton.core.config.yaml_file import nearest
from lepton.core.errors import LeptonError
from lepton.data.labels import as_text
from lepton.data.readers import csv, parquet
from lepton.data.readers.guard import check_path
from lepton.data.readers.limits import check_size
from lepton.data.spreadsheet import original


def read_labels(
    path: Path, label: str = "label", id: str = "id", limits: LimitsConfig | None = None
) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Return two (n,) columns of strings, None where a value is missing; other columns are not looked at.

    The columns are called as in the deliveries of rows, or `id` and `label`; a mark before a name that a spreadsheet
    would run does not count.

    Raises:
        NotFound: If there is nothing at `path`.
        LeptonError: If it cannot be read, is larger than `limits` (by default a workspace's default ones) allow, or
            lacks one of the two columns.
    """
    path, limits = check_path(path), limits or LimitsConfig()
    check_size(path.name, path.stat().st_size if path.is_file() else 0, limits)
    if path.name.lower().endswith(csv.Csv.suffixes):
        frame = csv.read_frame(path, (label, id), limits)
    elif path.name.lower().endswith(".parquet"):
        frame = parquet.as_frame(parquet.read_arrow(path, limits=limits))
    else:
        raise LeptonError(f"{path.name}: labels come as CSV or Parquet.", fix=[f"columns: {id},{label}"])
    marked = {name: plain for name in frame.columns if (plain := original(str(name))) not in frame.columns}
    frame = frame.rename(columns=marked)
    found = []
    for column, plain in ((id, "id"), (label, "label")):
        if column in frame.columns:
            found.append(column)
        elif plain in frame.columns:
            found.append(plain)
        else:
            near = nearest(column, map(str, frame.columns))
            raise LeptonError(
                f"{path.name} has no column {column!r}.",
                why=f"Columns: {', '.join(map(str, frame.columns))}.",
                fix=[f"rename {near!r} to {column!r}"] if near else [f"write the columns {id!r} and {label!r}"],
            )
    ids, labels = frame[found[0]], frame[found[1]]
    return as_text(ids, found[0], as_id=True), as_text(labels, found[1])
