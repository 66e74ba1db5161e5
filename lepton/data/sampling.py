"""Large batches read as a stream: rows chosen at random, and exact numbers of every column over all rows.

What the monitor compares is a sample of fixed size, so a window of ten million rows costs one pass over its file and
no more memory than one of twenty thousand. What a sample could miss, the exact numbers show.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lepton.core.config.workspace import Workspace
from lepton.core.table import Table, concat
from lepton.core.work.files import atomic_write
from lepton.data import batchfile, store

AT_ONCE = 65_536
"""Rows in memory besides the chosen ones."""


@dataclass(frozen=True)
class Moments:
    """One column of numbers, over all rows of the batches read."""

    rows: int = 0
    missing: int = 0
    infinite: int = 0
    mean: float = math.nan
    """Of the finite values, as all that follows."""
    variance: float = math.nan
    low: float = math.nan
    high: float = math.nan

    @property
    def finite(self) -> int:
        """Rows with a finite value."""
        return self.rows - self.missing - self.infinite

    def merged(self, other: Moments) -> Moments:
        """Return the moments of both together (Chan, Golub and LeVeque 1983)."""
        rows, missing, infinite = (getattr(self, n) + getattr(other, n) for n in ("rows", "missing", "infinite"))
        if not self.finite or not other.finite:
            known = self if self.finite else other
            return Moments(rows, missing, infinite, known.mean, known.variance, known.low, known.high)
        n, m = self.finite, other.finite
        apart = other.mean - self.mean
        return Moments(
            rows=rows,
            missing=missing,
            infinite=infinite,
            mean=self.mean + apart * m / (n + m),
            variance=(self.variance * n + other.variance * m + apart**2 * n * m / (n + m)) / (n + m),
            low=min(self.low, other.low),
            high=max(self.high, other.high),
        )


@dataclass(frozen=True)
class Sampled:
    """Some rows of one or more batches, and what is known of all of them."""

    table: Table
    """The chosen rows, in the order of delivery, with their latest labels."""
    rows: int
    """Of all batches together."""
    digest: str
    """32 hex digits over the rows as delivered; labels do not count."""
    moments: dict[str, Moments]
    """Of every column of numbers, over all rows; none where all rows are in `table`, and of images."""

    @property
    def whole(self) -> bool:
        """Whether every row is in `table`."""
        return len(self.table) == self.rows


def sample(ws: Workspace, domain: str, batches: Sequence[str], most: int, seed: int) -> Sampled:
    """Return at most `most` rows of these batches, each with the same chance, and the moments of all.

    Args:
        ws: The workspace.
        domain: Whose batches.
        batches: Their names.
        most: Up to so many rows nothing is left out.
        seed: Same batches and seed: same rows.

    Raises:
        NotFound: If the domain has no rows, or a batch does not exist.
        LeptonError: If a file is damaged.
    """
    paths = list(store.choose(ws, domain, batches).values())
    rows = sum(batchfile.count(path) for path in paths)
    if rows <= most:
        table = store.load(ws, domain, batches)
        return Sampled(table, rows, table.without_labels().content_digest(), {})
    chosen = np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
    tables: list[Table] = []
    found: dict[str, Moments] = {}
    start = 0
    for path in paths:
        for piece in batchfile.pieces(path, AT_ONCE):
            end = start + piece.num_rows
            at = chosen[np.searchsorted(chosen, start) : np.searchsorted(chosen, end)] - start
            if len(at):
                tables.append(batchfile.decode(piece.take(pa.array(at)), path.name))
            _add(found, piece, path.name)
            start = end
    return Sampled(_labelled(ws, domain, concat(tables)), rows, _digest(paths), found)


def moments(ws: Workspace, domain: str, batches: Sequence[str], cache: Path | None = None) -> dict[str, Moments]:
    """Return the moments of every column of numbers over all rows of these batches; empty for images.

    Args:
        ws: The workspace.
        domain: Whose batches.
        batches: Their names.
        cache: Folder where the result is kept, by what the batches hold; None keeps nothing.

    Raises:
        NotFound: If the domain has no rows, or a batch does not exist.
        LeptonError: If a file is damaged.
    """
    paths = list(store.choose(ws, domain, batches).values())
    rows = sum(batchfile.count(path) for path in paths)  # an erasure changes it, not the digest
    path = None if cache is None else cache / f"{_digest(paths)}-{rows}.json"
    if path is not None and (kept := _kept(path)) is not None:
        return kept
    found: dict[str, Moments] = {}
    for file in paths:
        for piece in batchfile.pieces(file, AT_ONCE):
            _add(found, piece, file.name)
    if path is not None:
        atomic_write(path, json.dumps({name: asdict(one) for name, one in found.items()}))
    return found


def moments_of(values: NDArray[np.float64]) -> Moments:
    """Return the moments of (n,) numbers; NaN is missing."""
    good = np.isfinite(values)
    known = values if good.all() else values[good]
    missing = 0 if len(known) == len(values) else int(np.isnan(values).sum())
    infinite = len(values) - len(known) - missing
    if not len(known):
        return Moments(len(values), missing, infinite)
    return Moments(
        rows=len(values),
        missing=missing,
        infinite=infinite,
        mean=float(known.mean()),
        variance=float(known.var()),
        low=float(known.min()),
        high=float(known.max()),
    )


def _add(found: dict[str, Moments], piece: pa.Table, name: str) -> None:
    """Add the rows of a piece of a batch to what was found so far."""
    for column, values in batchfile.features(piece, name).items():
        if pa.types.is_floating(values.type):
            one = moments_of(values.to_numpy())
            found[column] = found[column].merged(one) if column in found else one


def _kept(path: Path) -> dict[str, Moments] | None:
    """Return stored moments; None if there are none that can be read: they are computed again."""
    try:
        return {name: Moments(**one) for name, one in json.loads(path.read_text()).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def _labelled(ws: Workspace, domain: str, table: Table) -> Table:
    later = store.latest_labels(ws, domain)
    labels = [later.get(row_id, label) for row_id, label in zip(table.ids, table.labels, strict=True)]
    return table.with_labels(np.array(labels, dtype=object))


def _digest(paths: Sequence[Path]) -> str:
    """Return one digest of what the files' metadata say of their content."""
    found = [str(batchfile.about(path).get("content", path.name)) for path in paths]
    return found[0] if len(found) == 1 else hashlib.blake2b("\x1f".join(found).encode(), digest_size=16).hexdigest()
