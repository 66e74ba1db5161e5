"""Row ids from content: equal rows share a key, so they fall into the same split."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator
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

AT_ONCE = 1 << 16
"""Keys that become text at once."""


def content_hashes(table: Table) -> NDArray[np.object_]:
    """Return (n,) 16 hex digits of BLAKE2b over each row's features; labels, ids and column order do not count."""
    return as_hex(content_keys(table))


def content_keys(table: Table) -> NDArray[np.uint64]:
    """Return (n,) what `content_hashes` returns, as numbers: eight bytes a row."""
    if kind_of(table.kind).images == "some":
        pixels = as_hex(_pixels(table)) if table.images is not None else np.full(len(table), "", dtype=object)
        columns = as_hex(_columns(table))
        return _hash_all((f"{a}{b}".encode() for a, b in zip(pixels, columns, strict=True)), b"mixed")
    return _columns(table) if table.images is None else _pixels(table)


def text_keys(texts: Iterable[str | None]) -> NDArray[np.uint64]:
    """Return (n,) numbers that tell texts apart as `content_keys` tells rows."""
    return _hash_all((b"\xff" if text is None else text.encode() for text in texts), b"text")


def as_hex(keys: NDArray[np.uint64]) -> NDArray[np.object_]:
    """Return (n,) the 16 hex digits of each key."""
    digits = keys.astype(">u8").tobytes().hex()
    found = np.empty(len(keys), dtype=object)
    found[:] = [digits[at : at + 16] for at in range(0, len(digits), 16)]
    return found


def from_hex(hashes: Iterable[str]) -> NDArray[np.uint64]:
    """Return (n,) the keys whose hex digits these are."""
    return np.frombuffer(bytes.fromhex("".join(hashes)), dtype=">u8").astype(np.uint64)


def _pixels(table: Table) -> NDArray[np.uint64]:
    images = np.ascontiguousarray(table.images)
    key = f"{images.dtype}{images.shape[1:]}".encode()[:64]
    rows = images.reshape(len(images), -1).view(np.uint8) if len(images) else images.reshape(0, 1)
    there = table.has_image()
    return _hash_all((row.tobytes() if known else b"" for row, known in zip(rows, there, strict=True)), key)


def _columns(table: Table) -> NDArray[np.uint64]:
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


class Numbering:
    """Counts the repetitions of each row within a batch, whose rows come some at a time."""

    def __init__(self, repeated: NDArray[np.uint64]) -> None:
        """Begin a batch.

        Args:
            repeated: (k,) sorted: the keys that occur more than once in it; see `repeated_keys`.
        """
        self._repeated = repeated
        self._seen = np.zeros(len(repeated), dtype=np.int64)

    def next(self, keys: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return (n,) how often each row has come before, and take these for having come."""
        found = np.zeros(len(keys), dtype=np.int64)
        at, there = places(self._repeated, keys)
        at = at[there]
        within = pd.Series(at).groupby(at).cumcount().to_numpy()
        found[there] = self._seen[at] + within
        np.add.at(self._seen, at, 1)
        return found


def places(known: NDArray[np.uint64], keys: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return (n,) where each key stands among sorted ones, and (n,) whether it is among them."""
    if not len(known):
        return np.zeros(len(keys), dtype=np.int64), np.zeros(len(keys), dtype=bool)
    at = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return at, known[at] == keys


def among(known: NDArray[np.uint64], keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Return (n,) whether each key is among sorted ones; numpy's `isin` would hold both several times over."""
    found = np.zeros(len(keys), dtype=bool)
    for start in range(0, len(keys), AT_ONCE):
        found[start : start + AT_ONCE] = places(known, keys[start : start + AT_ONCE])[1]
    return found


def in_order(keys: NDArray[np.uint64]) -> Iterator[NDArray[np.uint64]]:
    """Yield the keys sorted, some at a time: of many millions no second copy is made."""
    if len(keys) <= AT_ONCE:
        yield np.sort(keys)
        return
    for digit in range(16):
        first, last = np.uint64(digit << 60), np.uint64((digit << 60) + (1 << 60) - 1)
        yield np.sort(keys[(keys >= first) & (keys <= last)])


def repeated_keys(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return (k,) sorted: the keys that occur more than once."""
    return np.concatenate([_distinct(part[1:][part[1:] == part[:-1]]) for part in in_order(keys)])


def distinct(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return (k,) sorted: the different keys."""
    return np.concatenate([_distinct(part) for part in in_order(keys)])


def _distinct(ordered: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return ordered[np.append(True, ordered[1:] != ordered[:-1])] if len(ordered) else ordered


def derive(keys: NDArray[np.uint64], batch: str, numbering: Numbering | None = None) -> NDArray[np.object_]:
    """Return (n,) ids `<hash>~<batch>~<k>`, k counting the repetitions of a row within the batch from 0.

    Args:
        keys: (n,) of the rows' content.
        batch: Name of the batch.
        numbering: Of the batch, where these are not all of its rows.
    """
    numbers = (numbering or Numbering(repeated_keys(keys))).next(keys)
    return np.array([f"{h}~{batch}~{k}" for h, k in zip(as_hex(keys), numbers, strict=True)], dtype=object)


def of_paths(table: Table, batch: str, keys: NDArray[np.uint64]) -> Table:
    """Return the table with ids `<batch>/<path>~pixels~<hash>`: equal pictures under two names share a split."""
    ids = np.empty(len(table), dtype=object)
    ids[:] = [f"{batch}/{path}{PIXELS}{one}" for path, one in zip(table.ids, as_hex(keys), strict=True)]
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


def batch_digest(keys: NDArray[np.uint64]) -> str:
    """Return 32 hex digits over the rows' keys in any order: the same rows shuffled are the same delivery."""
    digest = hashlib.blake2b(digest_size=16)
    for part in in_order(keys):
        for start in range(0, len(part), AT_ONCE):
            digest.update(part[start : start + AT_ONCE].astype(">u8").tobytes().hex().encode())
    return digest.hexdigest()


def _hash_all(rows: Iterable[bytes], key: bytes) -> NDArray[np.uint64]:
    blake2b = hashlib.blake2b
    whole = b"".join(blake2b(row, digest_size=8, key=key).digest() for row in rows)
    return np.frombuffer(whole, dtype=">u8").astype(np.uint64)
