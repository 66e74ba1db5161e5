"""From a frame to a table: take id and label out; the rest are features, or the pixels of images."""

from __future__ import annotations

from dataclasses import replace
from math import isqrt
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lepton.core.errors import LeptonError
from lepton.core.kinds import Kind, is_own, kind_of, refer
from lepton.core.table import Table, series_column
from lepton.data.columns import is_series, normalise, number
from lepton.data.labels import as_text
from lepton.data.readers.delivery import Delivery, Reading

STEP = "step"
"""Column that says in what order the lines of a sequence come."""


def delivery_from_frame(path: Path, frame: pd.DataFrame, reading: Reading) -> Delivery:
    """Split a frame into ids, labels and features.

    Raises:
        LeptonError: If a column holds neither numbers nor text, nothing but id and label is left, or pixels are not
            numbers that fill the image shape.
    """
    n = len(frame)
    has_ids, has_labels = reading.id in frame.columns, reading.label in frame.columns
    ids = as_text(frame[reading.id]) if has_ids else np.full(n, None, dtype=object)
    labels = as_text(frame[reading.label]) if has_labels else np.full(n, None, dtype=object)
    rest = frame.drop(columns=[name for name in (reading.id, reading.label) if name in frame.columns])
    features = normalise(rest, {*reading.categories, *reading.texts})
    if features.shape[1] == 0:
        raise LeptonError(
            f"{path.name} has no feature columns.",
            why=f"Columns: {', '.join(map(str, frame.columns))}; of these, the id and the label are not features.",
            fix=["deliver the features too", "if these are labels of stored rows, add --labels"],
        )
    kind = kind_of(reading.kind) if reading.kind else None
    if kind and kind.images == "each":
        table = Table(kind=kind.name, ids=ids, labels=labels, images=_pixels(path, features, reading.image_shape))
    elif kind and kind.reading:
        table = refer(kind.reading)(path, features, ids if has_ids else None, labels, reading)
    else:
        table = of_columns(path, features, ids, labels, reading)
    return Delivery(table, ids_from="given" if has_ids else "content", has_labels=has_labels)


def of_columns(
    path: Path, features: pd.DataFrame, ids: NDArray[np.object_], labels: NDArray[np.object_], reading: Reading
) -> Table:
    """Return rows of columns, of the kind that their columns make them.

    Raises:
        LeptonError: If texts are expected and there is more than one column, or the series of a row differ in length.
    """
    names = list(features.columns)
    texts = tuple(name for name in names if name in reading.texts)
    if reading.kind == "text" and texts != tuple(names):
        words = [name for name in names if not number(features[name]) and not is_series(features[name])]
        if len(words) != 1 or len(names) != 1:
            raise LeptonError(
                f"{path.name} has {len(words)} columns of text; which one is the text?"
                if len(words) != 1
                else f"{path.name} has other columns beside the text.",
                why=f"Columns: {', '.join(map(repr, names))}.",
                fix=["deliver one column of text beside id and label", "lepton init --from FILE --text COLUMN"],
            )
        texts = (words[0],)
    series = tuple(
        name
        for name in names
        if name not in texts
        and (is_series(features[name]) or (name in reading.series and not features[name].notna().any()))
    )
    kind = _kind(len(names), len(texts), len(series))
    if kind == "sequence":
        _check_lengths(path, features)
    table = Table(kind, ids, labels, frame=features, texts=texts, series=series)
    if reading.kind and not is_own(reading.kind):  # its columns say what it can be, not that it is one of ours
        found = {table.column_type(name) for name in names}
        if found <= set(kind_of(reading.kind).columns):
            return replace(table, kind=reading.kind)
    return table


def _kind(columns: int, texts: int, series: int) -> Kind:
    if not texts and not series:
        return "tabular"
    if series == columns:
        return "sequence"
    return "text" if columns == 1 else "mixed"


def _check_lengths(path: Path, features: pd.DataFrame) -> None:
    for row, values in enumerate(features.itertuples(index=False), start=1):
        found = {None if one is None else len(one) for one in values}
        if len(found) > 1:
            lengths = ", ".join(
                f"{name!r} {0 if one is None else len(one)}" for name, one in zip(features.columns, values, strict=True)
            )
            raise LeptonError(
                f"{path.name}: the series of row {row} differ in length.",
                why=f"Steps: {lengths}. All columns of a sequence are measured at the same steps.",
                fix=["fill steps without a value with NaN, or deliver the columns as separate domains"],
            )


def sequences(
    path: Path, features: pd.DataFrame, ids: NDArray[np.object_] | None, labels: NDArray[np.object_], reading: Reading
) -> Table:
    """Return sequences: a row each where the columns are series, else gathered from lines that hold one step each.

    Lines with the same id are one sequence.

    Steps are in the order of the file, or of the column `step` if there is one.

    Raises:
        LeptonError: If there is no id, a column is no number, a step is missing, or a sequence has two labels.
    """
    if any(is_series(features[name]) for name in features):
        given = ids if ids is not None else np.full(len(features), None, dtype=object)
        return of_columns(path, features, given, labels, reading)
    id_column = reading.id
    if ids is None:
        raise LeptonError(
            f"{path.name} has no column {id_column!r}, which says to what sequence a line belongs.",
            why=f"Each line is one step of a sequence. Columns: {', '.join(map(repr, features.columns))}.",
            fix=["set id in lepton.yaml to the column that does", "deliver Parquet with a list of numbers a row"],
        )
    if len(nameless := np.flatnonzero(pd.isna(ids))):
        raise LeptonError(f"{path.name}: line {nameless[0] + 2} names no sequence: {id_column!r} is empty.")
    order = np.arange(len(ids), dtype=np.float64)
    if STEP in features.columns:
        if features[STEP].isna().any():
            line = int(np.flatnonzero(features[STEP].isna())[0]) + 2
            raise LeptonError(f"{path.name}: line {line} has no value in {STEP!r}.")
        order = np.asarray(features[STEP].rank(method="first"), dtype=np.float64)
        features = features.drop(columns=[STEP])
    words = [name for name in features.columns if not number(features[name])]
    if words or not len(features.columns):
        raise LeptonError(
            f"{path.name}: column {words[0]!r} is no measured quantity: it holds text."
            if words
            else f"{path.name} has no measured quantity: no column but id, label and {STEP}.",
            why="Every column but id, label and step is one quantity of the sequence.",
            fix=["leave other columns out of the delivery", "deliver numbers"],
        )
    numbered, found = pd.factorize(ids)
    lines = np.lexsort((order, numbered))
    ends = np.flatnonzero(np.diff(numbered[lines], append=len(found))) + 1
    parts = np.split(lines, ends[:-1])
    values = features.to_numpy(dtype=np.float32)
    columns = {name: series_column(values[part, k] for part in parts) for k, name in enumerate(features.columns)}
    told = np.empty(len(found), dtype=object)
    for k, part in enumerate(parts):
        known = sorted({label for label in labels[part] if label is not None})
        if len(known) > 1:
            raise LeptonError(
                f"{path.name}: sequence {found[k]!r} has more than one label: {', '.join(known[:5])}.",
                why="A sequence has one label, on any or all of its lines.",
                fix=["give each part of its own label an id of its own"],
            )
        told[k] = known[0] if known else None
    frame = pd.DataFrame(columns, index=pd.RangeIndex(len(found)))
    return Table("sequence", np.array(found, dtype=object), told, frame=frame, series=tuple(frame.columns))


def _pixels(path: Path, features: pd.DataFrame, shape: tuple[int, int, int] | None) -> NDArray[np.generic]:
    """Return (n, C, H, W) from one column a pixel, in the order of the columns."""
    words = [name for name in features.columns if not number(features[name])]
    if words:
        raise LeptonError(
            f"{path.name}: column {words[0]!r} is no pixel: it holds text.",
            why="Every column but id and label is taken for a pixel, in the order of the file.",
            fix=["leave other columns out of the delivery"],
        )
    side = isqrt(features.shape[1])
    c, h, w = shape or (1, side, side)
    if c * h * w != features.shape[1]:
        raise LeptonError(
            f"{path.name}: {features.shape[1]} pixel columns do not fill an image"
            + (f" of {c} x {h} x {w} (= {c * h * w})." if shape else " (not a square number)."),
            fix=["deliver images as NPZ with an array `x` of shape (n, C, H, W)"],
        )
    return as_pixels(features.to_numpy(dtype=np.float64).reshape(-1, c, h, w))


def as_pixels(images: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return uint8 where every value is a whole number of 0..255, else float32; truth values become 0 and 255."""
    if images.dtype == np.uint8:
        return images
    if images.dtype == bool:
        return images.astype(np.uint8) * np.uint8(255)
    with np.errstate(invalid="ignore"):
        whole = images.dtype.kind in "iu" or (
            images.size > 0 and images.max() > 1 and bool((images == np.floor(images)).all())
        )
        if whole and images.size and images.min() >= 0 and images.max() <= 255:
            return images.astype(np.uint8)
        return images.astype(np.float32)
