"""A folder of images with a list beside them, `rows.csv`: a line a row, with the image's file and further columns.

The column `file` names an image in the folder; where it is empty, the row has none. All other columns are as in a CSV
delivery: label, id, features.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lepton.core.config.yaml_file import nearest
from lepton.core.errors import LeptonError
from lepton.core.table import Table
from lepton.data.readers import csv, folder
from lepton.data.readers.delivery import Delivery, Reading
from lepton.data.readers.reader import Reader

LIST, FILE = "rows.csv", "file"


class ImageList(Reader):
    """A folder of images with a list of its rows."""

    name = "image-list"

    def claims(self, path: Path) -> int:
        """A folder that has the list."""
        return 2 * int((path / LIST).is_file())

    def read(self, path: Path, reading: Reading) -> Delivery:
        """See the module's `read`."""
        return read(path, reading)


def read(path: Path, reading: Reading) -> Delivery:
    """Read the list and the images that it names; rows without an id are known by their content.

    Raises:
        LeptonError: If the list has no column `file`, names a file that is not there, leaves an image out, or names
            none at all; for the rest as `csv.read` and `folder.read`.
    """
    frame = csv.read_frame(path / LIST, {FILE, *reading.names}, reading.limits)
    if FILE not in frame.columns:
        near = nearest(FILE, [str(name) for name in frame.columns])
        raise LeptonError(
            f"{path.name}/{LIST} has no column {FILE!r}, which names the image of a row.",
            why=f"Columns: {', '.join(map(str, frame.columns))}.",
            fix=[f"rename {near!r}" if near else f"add the column {FILE!r}; leave it empty where a row has no image"],
        )
    names = frame[FILE].to_numpy(dtype=object)
    if not any(names):
        raise LeptonError(
            f"{path.name}/{LIST} names no image: {FILE!r} is empty in all {len(names):,} lines.",
            why="An input that all rows lack cannot be learnt from or judged.",
            fix=["deliver the images too", "deliver the other columns as a domain of their own"],
        )
    found = {file.relative_to(path).as_posix(): file for file in folder.files(path, besides=(LIST,))}
    for line, name in enumerate(names, start=2):
        if name and name not in found:
            raise LeptonError(
                f"{path.name}/{LIST}: line {line} names {name!r}, which is no image in the folder.",
                fix=["deliver the image too", "leave the field empty if the row has no image"],
            )
    if left := sorted(set(found) - set(names)):
        raise LeptonError(
            f"{path.name}/{LIST} names {len(found) - len(left)} of the {len(found)} images in the folder.",
            why=f"Not named: {', '.join(left[:5])}.",
            fix=["give each image a line", "take the others out of the folder"],
        )
    there: NDArray[np.bool_] = np.array([bool(name) for name in names], dtype=bool)
    images = folder.stacked(path, [found[name] for name in names[there]], reading)
    stack = np.zeros((len(names), *images.shape[1:]), dtype=images.dtype)
    stack[there] = images
    rest = csv.delivery(path, frame.drop(columns=[FILE]), reading)
    columns = rest.table
    table = Table(
        "mixed",
        columns.ids,
        columns.labels,
        images=stack,
        frame=_frame(columns),
        texts=columns.texts,
        series=columns.series,
        pictured=None if there.all() else there,
    )
    return Delivery(table, ids_from=rest.ids_from, has_labels=rest.has_labels, dates=rest.dates, left_out=rest.left_out)


def _frame(table: Table) -> pd.DataFrame:
    assert table.frame is not None
    return table.frame
