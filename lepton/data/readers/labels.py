"""Labels that come later: a CSV or Parquet file with an id and a label a row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lepton.core.config.yaml_file import nearest
from lepton.core.errors import LeptonError
from lepton.data.labels import as_text
from lepton.data.readers import csv, parquet
from lepton.data.readers.guard import check_path


def read_labels(path: Path, label: str = "label", id: str = "id") -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Return two (n,) columns of strings, None where a value is missing; other columns are not looked at.

    Raises:
        NotFound: If there is nothing at `path`.
        LeptonError: If it cannot be read, or lacks one of the two columns.
    """
    path = check_path(path)
    if path.name.lower().endswith((".csv", ".csv.gz")):
        frame = csv.read_frame(path)
    elif path.name.lower().endswith(".parquet"):
        frame = parquet.read_arrow(path).to_pandas(ignore_metadata=True)
    else:
        raise LeptonError(f"{path.name}: labels come as CSV or Parquet.", fix=[f"columns: {id},{label}"])
    for column in (id, label):
        if column not in frame.columns:
            near = nearest(column, map(str, frame.columns))
            raise LeptonError(
                f"{path.name} has no column {column!r}.",
                why=f"Columns: {', '.join(map(str, frame.columns))}.",
                fix=[f"rename {near!r} to {column!r}"] if near else [f"write the columns {id!r} and {label!r}"],
            )
    return as_text(frame[id]), as_text(frame[label])
