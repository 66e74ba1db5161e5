"""The log of predictions: parts that are written while a batch is scored, and the Parquet file that they make.

A part is a file of its own, whole or absent. It holds what is each row's own; what is the same in all rows comes in
when the parts are joined. The same parts make the same bytes under one version of pyarrow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from lepton.core.work.files import atomic_file

_TEXT = pa.dictionary(pa.int32(), pa.string())
"""Texts of which there are few: written as they are, and read as texts. In the file they are no other type."""
_PART = pa.schema([("id", pa.string()), ("prediction", _TEXT), ("confidence", pa.float64())])
_FILE = pa.schema([*_PART, ("model", _TEXT), ("provisional", pa.bool_()), ("scored_at", _TEXT)])


@dataclass(frozen=True)
class Told:
    """What is the same in all rows of a log."""

    model: str
    provisional: bool
    scored_at: str


def part_path(folder: Path, number: int) -> Path:
    """Return where the part with this number, counted from 0, lies."""
    return folder / f"{number:06d}.arrow"


def write_part(path: Path, ids: pa.ChunkedArray, chances: NDArray[np.float64], classes: Sequence[str]) -> None:
    """Write the answers to some rows.

    Args:
        path: Its folder is made if it is not there.
        ids: (n,) strings.
        chances: (n, k) probabilities.
        classes: Names of the k classes.
    """
    # Not compressed: it is read once and gone.
    best = chances.argmax(axis=1)
    answers = pa.DictionaryArray.from_arrays(pa.array(best, pa.int32()), pa.array(classes, pa.string()))
    # Taken, not sought again: numpy seeks the largest of two very slowly.
    confidence = pa.array(chances[np.arange(len(best)), best])
    columns = [pa.concat_arrays(ids.chunks).cast(pa.string()), answers, confidence]
    with atomic_file(path) as temporary, pa.OSFile(str(temporary), "wb") as file, pa.ipc.new_file(file, _PART) as out:
        out.write_batch(pa.RecordBatch.from_arrays(columns, schema=_PART))


def rows_of_part(path: Path) -> int:
    """Return how many rows a part holds; 0 if it is absent, or damaged, which counts as absent."""
    try:
        return int(_read(path).num_rows)
    except (OSError, pa.ArrowInvalid):
        return 0


def join(parts: Sequence[Path], goal: Path, told: Told) -> int:
    """Write the log that the parts make, a row group each; return its rows. It appears whole or not at all.

    Columns: id, prediction, model, scored_at (texts), confidence (float64), provisional (bool).
    """
    texts = [field.name for field in _FILE if field.type == _TEXT]
    rows = 0
    with (
        atomic_file(goal) as temporary,
        # Without Arrow's own schema the readers see texts where we write codes of texts.
        pq.ParquetWriter(temporary, _FILE, use_dictionary=texts, write_statistics=False, store_schema=False) as writer,
    ):
        for path in parts:
            part = _read(path)
            same = (_same(told.model, part.num_rows), pa.repeat(told.provisional, part.num_rows))
            columns = [*part.columns, *same, _same(told.scored_at, part.num_rows)]
            writer.write_table(pa.Table.from_arrays(columns, schema=_FILE), row_group_size=max(part.num_rows, 1))
            rows += part.num_rows
    return rows


def _same(text: str, rows: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, dtype=np.int32)), pa.array([text]))


def _read(path: Path) -> pa.Table:
    with pa.OSFile(str(path), "rb") as file, pa.ipc.open_file(file) as part:
        return part.read_all()


def write_answers(
    goal: Path,
    ids: Sequence[str],
    labels: Sequence[str],
    confidences: Sequence[float],
    told: Told,
    times: Sequence[str],
) -> Path:
    """Write answers that were given one request at a time, in the columns of `join`; whole or not at all.

    Args:
        goal: The file.
        ids: (n,) of the rows.
        labels: (n,) what was answered.
        confidences: (n,) its probability.
        told: What is the same in all rows; its time is not looked at.
        times: (n,) when each was answered.
    """
    columns = [pa.array(ids, pa.string()), pa.array(labels, pa.string()), pa.array(confidences, pa.float64())]
    columns += [pa.array([told.model] * len(ids), pa.string()), pa.array([told.provisional] * len(ids), pa.bool_())]
    columns.append(pa.array(times, pa.string()))
    with atomic_file(goal) as temporary:
        pq.write_table(pa.table(columns, names=_FILE.names), temporary, write_statistics=False)
    return goal
