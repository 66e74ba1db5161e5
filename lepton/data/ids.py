"""Row ids from content: equal rows share a key, so they fall into the same split."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import replace
from unicodedata import normalize

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lepton.core.kinds import kind_of
from lepton.core.splits import PIXELS
from lepton.core.table import Table, series_bytes
from lepton.data.columns import number
from lepton.data.spreadsheet import original


def content_hashes(table: Table) -> NDArray[np.object_]:
    """Return (n,) 16 hex digits of BLAKE2b over each row's features; labels, ids and column order do not count."""
    if kind_of(table.kind).images == "some":
        pixels = _pixels(table) if table.images is not None else np.full(len(table), "", dtype=object)
        return _hash_all((f"{a}{b}".encode() for a, b in zip(pixels, _columns(table), strict=True)), b"mixed")
    return _columns(table) if table.images is None else _pixels(table)


def _pixels(table: Table) -> NDArray[np.object_]:
    images = np.ascontiguousarray(table.images)
    key = f"{images.dtype}{images.shape[1:]}".encode()[:64]
    rows = images.reshape(len(images), -1).view(np.uint8) if len(images) else images.reshape(0, 1)
    there = table.has_image()
    return _hash_all((row.tobytes() if known else b"" for row, known in zip(rows, there, strict=True)), key)


def _columns(table: Table) -> NDArray[np.object_]:
    assert table.frame is not None
    names = sorted(table.frame.columns)
    key = hashlib.blake2b("\x1f".join(names).encode(), digest_size=32).digest()
    numeric = [name for name in names if number(table.frame[name])]
    other = [name for name in names if name not in numeric]
    # Adding 0.0 turns -0.0 into 0.0; a NaN has many bit patterns and gets one.
    values = table.frame[numeric].to_numpy(dtype=np.float64) + 0.0
    values[np.isnan(values)] = np.nan
    texts = zip(*(_texts(table, name) for name in other), strict=True)
    joined = ["\x1f".join(row).encode() for row in texts] if other else None
    numbers = (row.tobytes() for row in np.ascontiguousarray(values))
    if joined is None:
        return _hash_all(numbers, key)
    return _hash_all((a + b for a, b in zip(numbers, joined, strict=True)), key)


def _texts(table: Table, name: str) -> list[str]:
    assert table.frame is not None
    values = table.frame[name].to_numpy(dtype=object)
    if name in table.series:
        return [series_bytes(one).hex() for one in values]
    return ["\x00" if value is None else str(value) for value in values]


def derive(hashes: NDArray[np.object_], batch: str) -> NDArray[np.object_]:
    """Return (n,) ids `<hash>~<batch>~<k>`, k counting the repetitions of a row within the batch from 0."""
    repeated = pd.DataFrame({"hash": hashes}).groupby("hash").cumcount()
    return np.array([f"{h}~{batch}~{k}" for h, k in zip(hashes, repeated, strict=True)], dtype=object)


def with_derived_ids(table: Table, batch: str) -> Table:
    """Return the table with ids made from its content."""
    return replace(table, ids=derive(content_hashes(table), batch))


def of_paths(table: Table, batch: str) -> Table:
    """Return the table with ids `<batch>/<path>~pixels~<hash>`: equal pictures under two names share a split."""
    ids = np.empty(len(table), dtype=object)
    ids[:] = [f"{batch}/{path}{PIXELS}{one}" for path, one in zip(table.ids, content_hashes(table), strict=True)]
    return replace(table, ids=ids)


def as_stored(ids: Iterable[str | None], stored: Collection[str]) -> NDArray[np.object_]:
    """Return (n,) ids as rows are stored under them.

    A person may leave out what lepton adds to the path of an image, write letters in another Unicode form, and return
    an id with the mark that tables for people have before what a spreadsheet would run.

    Args:
        ids: As somebody wrote them.
        stored: The ids that there are.
    """
    asked = list(ids)
    found = np.empty(len(asked), dtype=object)
    paths: dict[str, str] | None = None
    for place, one in enumerate(asked):
        if one is not None and one not in stored:
            paths = {key.partition(PIXELS)[0]: key for key in stored if PIXELS in key} if paths is None else paths
            form = normalize("NFC", original(one))
            one = form if form in stored else paths.get(form, one)
        found[place] = one
    return found


def batch_digest(hashes: NDArray[np.object_]) -> str:
    """Return 32 hex digits over the rows' hashes in any order: the same rows shuffled are the same delivery."""
    return hashlib.blake2b("".join(sorted(hashes)).encode(), digest_size=16).hexdigest()


def _hash_all(rows: Iterable[bytes], key: bytes) -> NDArray[np.object_]:
    blake2b = hashlib.blake2b
    return np.array([blake2b(row, digest_size=8, key=key).hexdigest() for row in rows], dtype=object)
