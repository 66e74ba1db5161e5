"""From a frame to a table: take id and label out; the rest are features, or the pixels of images."""

from __future__ import annotations

from math import isqrt
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lepton.core.errors import LeptonError
from lepton.core.table import Table
from lepton.data.columns import normalise, number
from lepton.data.labels import as_text
from lepton.data.readers.delivery import Delivery, Reading


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
    features = normalise(rest, reading.categories)
    if features.shape[1] == 0:
        raise LeptonError(
            f"{path.name} has no feature columns.",
            why=f"Columns: {', '.join(map(str, frame.columns))}; of these, the id and the label are not features.",
            fix=["deliver the features too", "if these are labels of stored rows, add --labels"],
        )
    if reading.kind == "image":
        table = Table(kind="image", ids=ids, labels=labels, images=_pixels(path, features, reading.image_shape))
    else:
        table = Table(kind="tabular", ids=ids, labels=labels, frame=features)
    return Delivery(table, ids_from="given" if has_ids else "content", has_labels=has_labels)


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
