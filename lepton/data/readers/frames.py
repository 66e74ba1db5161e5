"""From a frame to a table: take id and label out; the rest are features, or the pixels of images."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from math import isqrt
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lepton.core.errors import LeptonError
from lepton.core.kinds import Kind, is_own, kind_of, refer
from lepton.core.table import Table, series_column
from lepton.data import dates
from lepton.data.columns import RESERVED, is_series, normalise, number
from lepton.data.labels import as_text, composed, spelled
from lepton.data.numbers import inexact_float32
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
    frame = _named(path, frame, reading)
    has_ids, has_labels = reading.id in frame.columns, reading.label in frame.columns
    ids = as_text(frame[reading.id], reading.id, as_id=True) if has_ids else np.full(n, None, dtype=object)
    labels = read_classes(frame[reading.label], reading) if has_labels else np.full(n, None, dtype=object)
    rest = frame.drop(columns=[name for name in (reading.id, reading.label, *reading.ignore) if name in frame.columns])
    rest, left_out = _without_dates(rest, reading)
    features = normalise(
        rest,
        reading.categories,
        reading.numbers,
        reading.values,
        reading.texts,
        reading.no_value,
        where=path.name,
    )
    if features.shape[1] == 0:
        raise LeptonError(
            f"{path.name} has no feature columns.",
            why=f"Columns: {', '.join(map(str, frame.columns))}; of these, the id and the label are not features"
            + (f", nor are dates ({', '.join(left_out)})." if left_out else "."),
            fix=["deliver the features too", "if these are labels of stored rows, add --labels"],
        )
    kind = kind_of(reading.kind) if reading.kind else None
    if kind and kind.images == "each":
        table = Table(kind=kind.name, ids=ids, labels=labels, images=_pixels(path, features, reading))
    elif kind and kind.reading:
        table = refer(kind.reading)(path, features, ids if has_ids else None, labels, reading)
    else:
        table = of_columns(path, features, ids, labels, reading)
    return Delivery(
        table,
        ids_from="given" if has_ids else "content",
        has_labels=has_labels,
        dates=left_out,
        left_out=tuple(name for name in reading.ignore if name in frame.columns),
    )


def read_classes(labels: pd.Series, reading: Reading) -> NDArray[np.object_]:
    """Return (n,) labels in the spelling of the contract, None where one is missing.

    Blanks around a label do not count.
    """
    return spelled(as_text(labels, reading.label), reading.classes, strip=True)


def _named(path: Path, frame: pd.DataFrame, reading: Reading) -> pd.DataFrame:
    """Return the frame with its columns' names as they are here: no blanks around them, in one Unicode form.

    Raises:
        LeptonError: If two columns bear one name, or one bears a name of ours.
    """
    names = composed(map(str, frame.columns), reading.names)
    frame = frame.set_axis([names[str(name)] for name in frame.columns], axis=1)
    twice = [name for name, count in Counter(frame.columns).items() if count > 1]
    if twice:
        raise LeptonError(
            f"{path.name} names the column {twice[0]!r} more than once.",
            why="Blanks around a name do not count, nor does the Unicode form of its letters.",
            fix=["name every column once"],
        )
    if ours := [name for name in frame.columns if name.startswith(RESERVED)]:
        raise LeptonError(
            f"{path.name}: the column name {ours[0]!r} begins with {RESERVED!r}, which is for lepton's own columns.",
            fix=["give the column another name"],
        )
    return frame


def _without_dates(frame: pd.DataFrame, reading: Reading) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the columns with dates split into the parts that are kept, and the names of those left out unasked."""
    if not reading.dates and reading.settled:
        return frame, ()
    columns: dict[str, pd.Series] = {}
    left_out: list[str] = []
    for name in frame.columns:
        if name in reading.dates:
            parts = dates.split(name, frame[name], reading.dates[name])
            if clash := [part for part in parts if part in frame.columns]:
                raise LeptonError(
                    f"The column {clash[0]!r} bears the name of a part of the date {name!r}.",
                    fix=["give the column another name"],
                )
            columns |= parts
        elif not reading.settled and reading.declared(name) is None and dates.holds_dates(frame[name]):
            left_out.append(name)
        else:
            columns[name] = frame[name]
    return pd.DataFrame(columns, index=frame.index), tuple(left_out)


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


def _pixels(path: Path, features: pd.DataFrame, reading: Reading) -> NDArray[np.generic]:
    """Return (n, C, H, W) from one column a pixel, in the order of the columns."""
    shape = reading.image_shape
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
    return as_pixels(path, features.to_numpy(dtype=np.float64).reshape(-1, c, h, w), reading.pixels)


def as_pixels(path: Path, images: NDArray[np.generic], wanted: str | None = None) -> NDArray[np.generic]:
    """Return pixels as bytes or as float32.

    Args:
        path: The delivery, for the error.
        images: Numbers or truth values of any type.
        wanted: What the contract says: whole numbers of 0..255 become bytes even if none is above 1, and where float32
            is wanted nothing else is made of them; bytes stay bytes. By default bytes where every value is a
            whole number of 0..255 and one is above 1, or is stored as a whole number; else float32. Truth values are 0
            and 255 as bytes.

    Raises:
        LeptonError: If a whole number is too large for a float32.
    """
    if images.dtype == np.uint8:
        return images
    if images.dtype == bool:
        return images.astype(np.float32) if wanted == "float32" else images.astype(np.uint8) * np.uint8(255)
    with np.errstate(invalid="ignore"):
        if wanted != "float32" and images.size:
            sure = wanted == "uint8" or images.dtype.kind in "iu" or images.max() > 1
            if sure and images.min() >= 0 and images.max() <= 255 and bool((images == np.floor(images)).all()):
                return images.astype(np.uint8)
        found = images.astype(np.float32)
        if (place := inexact_float32(images, found)) is not None:
            raise LeptonError(
                f"{path.name}: image {place + 1} holds a whole number that a float32 pixel would round.",
                why="Pixels are kept as bytes or as float32, which holds whole numbers up to 2**24.",
                fix=["scale the pixels to a smaller range"],
            )
        return found
