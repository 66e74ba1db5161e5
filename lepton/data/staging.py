"""A delivery that was read once, and whose rows are asked for again and again: held in memory, or of many rows on disk.

What is known of all rows together is a few bytes a row: a number for its content, and one for its id.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from lepton.core.table import Table, concat
from lepton.core.work import Progress, silent
from lepton.data import batchfile
from lepton.data.ids import Numbering, among, batch_digest, content_keys, repeated_keys, text_keys
from lepton.data.readers.delivery import Delivery, IdsFrom


@dataclass(frozen=True)
class Staged:
    """A delivery, read; its rows come in the order of the file."""

    parts: tuple[Delivery | Path, ...]
    """Rows, or the file that holds them for the time being."""
    like: Delivery
    """One of the parts, without its rows."""
    keys: NDArray[np.uint64]
    """(n,) of the rows' content."""
    id_keys: NDArray[np.uint64] | None
    """(n,) of their ids, if the delivery gives any."""
    labelled: NDArray[np.bool_]
    """(n,) true where a row has a label."""

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def ids_from(self) -> IdsFrom:
        """Where the ids come from."""
        return self.like.ids_from

    @property
    def has_labels(self) -> bool:
        """Whether there is a column of labels."""
        return self.like.has_labels

    @cached_property
    def content(self) -> str:
        """Digest of all rows, in any order."""
        return batch_digest(self.keys)

    @cached_property
    def repeated(self) -> NDArray[np.bool_]:
        """(n,) true where the delivery itself gives an id to more than one row."""
        if self.id_keys is None:
            return np.zeros(len(self), dtype=bool)
        return among(repeated_keys(self.id_keys), self.id_keys)

    def pieces(self) -> Iterator[tuple[slice, Delivery]]:
        """Yield the rows some at a time, and which of all rows they are."""
        before = 0
        for part in self.parts:
            found = part if isinstance(part, Delivery) else replace(self.like, table=batchfile.read(part))
            yield slice(before, before + len(found.table)), found
            before += len(found.table)

    def keys_of(self, kept: NDArray[np.bool_] | None = None) -> NDArray[np.uint64]:
        """Return the keys of the rows where (n,) is true; by default of all."""
        return self.keys if kept is None or kept.all() else self.keys[kept]

    def identified(self, batch: str, kept: NDArray[np.bool_] | None = None) -> Iterator[Table]:
        """Yield the rows with their final ids for a batch of this name, some at a time.

        Args:
            batch: Name of the batch.
            kept: (n,) true for the rows that it is to have; by default all. Some must be true.
        """
        numbering = Numbering(repeated_keys(self.keys_of(kept)))
        for rows, part in self.pieces():
            keys = self.keys[rows]
            if kept is not None and not kept[rows].all():
                part, keys = replace(part, table=part.table.take(kept[rows])), keys[kept[rows]]
            if len(keys):
                yield part.identified(batch, keys, numbering)

    def take(self, kept: NDArray[np.bool_]) -> Delivery:
        """Return the rows where (n,) is true, in memory."""
        found = [part.table.take(kept[rows]) for rows, part in self.pieces() if kept[rows].any()]
        return replace(self.like, table=concat(found))

    def paths(self) -> list[str] | None:
        """Return the names of the files that hold a row each; None where rows are not files."""
        return [str(one) for _, part in self.pieces() for one in part.table.ids] if self.ids_from == "path" else None


@contextmanager
def staged(pieces: Iterator[Delivery], folder: Path, progress: Progress = silent) -> Iterator[Staged]:
    """Read a delivery and yield it; of more than one piece each is a file in `folder` until the block ends.

    Args:
        pieces: The rows, as `lepton.data.readers.pieces` gives them.
        folder: Only one process at a time may have it; what one that was killed left there is removed.
        progress: Is told how much of the delivery has been read.

    Raises:
        LeptonError: What reading raises.
    """
    shutil.rmtree(folder, ignore_errors=True)
    keys, id_keys, labelled = bytearray(), bytearray(), bytearray()  # they grow where they are, arrays would be copied
    parts: list[Delivery | Path] = []
    try:
        for piece in pieces:
            keys += content_keys(piece.table).tobytes()
            labelled += piece.table.known().tobytes()
            if piece.ids_from == "given":
                id_keys += text_keys(piece.table.ids).tobytes()
            if parts and isinstance(parts[0], Delivery):
                parts[0] = _put(folder, 0, parts[0])
            parts.append(_put(folder, len(parts), piece) if parts else piece)
            like = replace(piece, table=piece.table.take([]))
            progress(round(100 * piece.share), 100, f"% read, {len(labelled):,} rows")
        of_ids = np.frombuffer(id_keys, dtype=np.uint64) if like.ids_from == "given" else None
        of_rows, known = np.frombuffer(keys, dtype=np.uint64), np.frombuffer(labelled, dtype=bool)
        yield Staged(tuple(parts), like, of_rows, of_ids, known)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _put(folder: Path, number: int, piece: Delivery) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{number:06d}.parquet"
    pq.write_table(batchfile.encode(piece.table), path, compression="lz4", write_statistics=False)
    return path
