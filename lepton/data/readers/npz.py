"""NPZ: arrays `x` (or `images`), `y` (or `labels`) and `ids`; never unpickled."""

from __future__ import annotations

import shlex
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lepton.core.config.limits import LimitsConfig
from lepton.core.errors import LeptonError
from lepton.core.kinds import is_own, kind_of, refer
from lepton.core.table import Table, series_column
from lepton.data.labels import as_text, spelled
from lepton.data.numbers import check_exact, whole
from lepton.data.readers.delivery import Delivery, Reading
from lepton.data.readers.frames import as_pixels
from lepton.data.readers.limits import check_array, check_growth, check_shape
from lepton.data.readers.reader import Reader

ROWS, LABELS, IDS, LENGTHS = ("x", "images"), ("y", "labels"), ("ids", "id"), ("lengths",)
CHANNELS = (1, 3, 4)


class Npz(Reader):
    """NumPy archives."""

    name = "npz"
    suffixes = (".npz",)

    def read(self, path: Path, reading: Reading) -> Delivery:
        """See the module's `read`."""
        return read(path, reading)


def read(path: Path, reading: Reading) -> Delivery:
    """Read an NPZ archive.

    `x` is (n, H, W), (n, C, H, W), (n, H, W, C) with C of 1, 3 or 4, or (n, d): flat pixels if images are expected,
    else a table with columns x0, x1, ...; or sequences (n, T, F), if those are expected or there is `lengths`, which
    says how many of the T steps of each are its own (default: all).

    Raises:
        LeptonError: If it is cut off, holds Python objects, lacks `x`, or its arrays differ in length.
    """
    arrays = _load(path, reading.limits)
    rows = next((arrays[name] for name in ROWS if name in arrays), None)
    if rows is None:
        raise LeptonError(
            f"{path.name} has no array named 'x' or 'images'.",
            why=f"Found: {', '.join(sorted(arrays)) or 'nothing'}.",
            fix=["numpy.savez_compressed(file, x=images, y=labels)"],
        )
    labels = next((arrays[name] for name in LABELS if name in arrays), None)
    ids = next((arrays[name] for name in IDS if name in arrays), None)
    if rows.ndim == 0 or len(rows) == 0:
        raise LeptonError(f"{path.name} holds no rows.", why=f"The array has the shape {rows.shape}.")
    lengths = arrays.get(LENGTHS[0])
    for name, found in (("labels", labels), ("ids", ids), ("lengths", lengths)):
        if found is not None and found.shape != (len(rows),):
            raise LeptonError(f"{path.name}: {len(rows)} rows, but the {name} have the shape {found.shape}.")
    if rows.dtype.kind not in "biuf":
        raise LeptonError(f"{path.name}: the array holds {rows.dtype}, not numbers.")
    n = len(rows)
    check_shape(path.name, n, 1, reading.limits)
    id_values = as_text(ids, IDS[0], as_id=True) if ids is not None else np.full(n, None, dtype=object)
    label_values = (
        spelled(as_text(labels, LABELS[0]), reading.classes, strip=True)
        if labels is not None
        else np.full(n, None, dtype=object)
    )
    if reading.kind == "sequence" or (reading.kind is None and lengths is not None):
        table = _sequences(path, rows, lengths, id_values, label_values)
    elif rows.ndim == 2 and (reading.kind == "tabular" or (reading.kind is None and reading.image_shape is None)):
        table = Table(kind="tabular", ids=id_values, labels=label_values, frame=_numbered(path, rows, reading.limits))
    elif rows.ndim == 2 and reading.kind and not is_own(reading.kind) and (make := kind_of(reading.kind).reading):
        table = refer(make)(
            path, _numbered(path, rows, reading.limits), id_values if ids is not None else None, label_values, reading
        )
    else:
        table = Table(kind="image", ids=id_values, labels=label_values, images=_images(path, rows, reading))
    return Delivery(table, ids_from="given" if ids is not None else "content", has_labels=labels is not None)


def _numbered(path: Path, rows: NDArray[np.generic], limits: LimitsConfig) -> pd.DataFrame:
    check_shape(path.name, rows.shape[0], rows.shape[1], limits)
    names = [f"x{k}" for k in range(rows.shape[1])]
    if rows.dtype.kind not in "iu":
        return pd.DataFrame(rows.astype(np.float64), columns=names)
    inexact: dict[str, tuple[int, Any]] = {}
    columns: dict[str, NDArray[np.float64]] = {}
    for k, name in enumerate(names):
        columns[name], place = whole(rows[:, k])  # type: ignore[arg-type]  # of whole numbers, by its kind
        if place is not None:
            inexact[name] = (place + 1, int(rows[place, k]))
    check_exact(path.name, inexact)
    return pd.DataFrame(columns)


def _sequences(
    path: Path,
    rows: NDArray[np.generic],
    lengths: NDArray[np.generic] | None,
    ids: NDArray[np.object_],
    labels: NDArray[np.object_],
) -> Table:
    """Return (n, T) or (n, T, F) as F series a row: x0, x1, ..."""
    if rows.ndim not in (2, 3):
        raise LeptonError(
            f"{path.name}: an array of shape {rows.shape} holds no sequences.",
            fix=["deliver `x` with the shape (n, T, F): rows, steps, measured quantities"],
        )
    rows = rows[:, :, None] if rows.ndim == 2 else rows
    steps = np.full(len(rows), rows.shape[1]) if lengths is None else lengths.astype(np.int64)
    if wrong := [k for k, n in enumerate(steps) if not 0 <= n <= rows.shape[1]]:
        raise LeptonError(
            f"{path.name}: `lengths` says {steps[wrong[0]]} steps for row {wrong[0] + 1}; `x` holds {rows.shape[1]}."
        )
    columns = {
        f"x{k}": series_column(row[:n, k] for row, n in zip(rows, steps, strict=True)) for k in range(rows.shape[2])
    }
    return Table("sequence", ids, labels, frame=pd.DataFrame(columns), series=tuple(columns))


def _load(path: Path, limits: LimitsConfig) -> dict[str, NDArray[np.generic]]:
    arrays: dict[str, NDArray[np.generic]] = {}
    with path.open("rb") as stream:
        start = stream.read(6)
    if start == b"\x93NUMPY":
        raise LeptonError(
            f"{path.name} is a single array, not an NPZ archive.", fix=["numpy.savez(file, x=..., y=...)"]
        )
    if not start.startswith(b"PK\x03\x04"):
        raise LeptonError(f"{path.name} is cut off, damaged or no NPZ archive.", fix=["deliver it again"])
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            for name in archive.files:
                if name not in (*ROWS, *LABELS, *IDS, *LENGTHS):
                    arrays[name] = np.empty(0)  # only its name is wanted, for the error
                    continue
                _check_stated(path, archive.zip, name, limits)
                arrays[name] = archive[name]
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, LookupError, RuntimeError, MemoryError) as error:
        raise LeptonError(
            f"{path.name} is cut off or damaged.",
            why=str(error) or type(error).__name__,
            fix=["deliver it again", f"check it: unzip -t {shlex.quote(str(path))}"],
        ) from None
    except ValueError as error:
        if "pickle" in str(error).lower() or "object" in str(error).lower():
            raise LeptonError(
                f"{path.name} holds Python objects instead of plain numbers or text.",
                why="Opening such an array can run code that the sender chose, so lepton never does.",
                fix=["write plain arrays: numpy.savez(file, x=x.astype('uint8'), y=y.astype('U'))"],
            ) from None
        raise LeptonError(f"{path.name} is cut off or damaged.", why=str(error), fix=["deliver it again"]) from None
    return arrays


def _check_stated(path: Path, archive: zipfile.ZipFile, name: str, limits: LimitsConfig) -> None:
    """Refuse an array that its archive or its own header states too large, before memory is taken for it."""
    member = archive.getinfo(name if name in archive.NameToInfo else f"{name}.npy")
    check_growth(path.name, member.compress_size, member.file_size, limits)
    with archive.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read_header(stream)
        if not dtype.hasobject:  # NumPy refuses those by name
            check_array(path.name, shape, dtype.itemsize, member.file_size - stream.tell())


def _images(path: Path, rows: NDArray[np.generic], reading: Reading) -> NDArray[np.generic]:
    shape = reading.image_shape
    if rows.ndim == 2:
        if shape is None:
            side = round(rows.shape[1] ** 0.5)
            shape = (1, side, side)
        if rows.shape[1] != np.prod(shape):
            raise LeptonError(
                f"{path.name}: rows of {rows.shape[1]} values do not fill images of {' x '.join(map(str, shape))}.",
                fix=["deliver `x` with the shape (n, C, H, W)"],
            )
        rows = rows.reshape(-1, *shape)
    elif rows.ndim == 3:
        rows = rows[:, None]
    elif rows.ndim == 4:
        last = (rows.shape[3], rows.shape[1], rows.shape[2])
        if rows.shape[1:] != shape and (last == shape or (last[0] in CHANNELS and rows.shape[1] not in CHANNELS)):
            rows = np.moveaxis(rows, 3, 1)
    else:
        raise LeptonError(
            f"{path.name}: an array of shape {rows.shape} holds no images.",
            fix=["deliver `x` with the shape (n, C, H, W) or (n, H, W)"],
        )
    return np.ascontiguousarray(as_pixels(path, rows, reading.pixels))
