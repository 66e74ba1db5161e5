"""A delivery that is in memory: a DataFrame or an Arrow table becomes a file, and goes the way of every file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Union

from lepton.core.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Given = Union[str, Path, "pd.DataFrame", "pa.Table"]
"""A path, or rows in memory."""


@contextmanager
def as_file(delivery: Given, name: str | None = None) -> Iterator[Path]:
    """Yield the file of a delivery; of rows in memory a Parquet file that is gone afterwards.

    Args:
        delivery: A path (CSV, Parquet, NPZ, a folder of images), a pandas DataFrame or a pyarrow Table. A named index
            of a frame becomes a column, one without a name is dropped.
        name: Of the file without its suffix; by default made from the rows, so that the same rows have the same name.

    Raises:
        UsageError: If it is something else.
    """
    if isinstance(delivery, str | Path):
        yield Path(delivery).expanduser().absolute()
        return
    content = _parquet(delivery)
    if content is None:
        raise UsageError(
            f"A {type(delivery).__name__} is no delivery.",
            why="A delivery is a path, a pandas DataFrame or a pyarrow Table.",
            fix=["pandas.DataFrame(...)"],
        )
    with TemporaryDirectory(prefix="lepton-delivery-") as folder:
        path = Path(folder) / f"{name or 'rows-' + hashlib.blake2b(content, digest_size=4).hexdigest()}.parquet"
        path.write_bytes(content)
        yield path


def _parquet(rows: object) -> bytes | None:
    """Return rows in memory as the bytes of a Parquet file; None if they are none."""
    import io

    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    if isinstance(rows, pd.DataFrame):
        named = any(name is not None for name in rows.index.names)
        content: bytes = (rows.reset_index() if named else rows).to_parquet(index=False)
        return content
    if isinstance(rows, pa.Table):
        buffer = io.BytesIO()
        pq.write_table(rows, buffer)
        return buffer.getvalue()
    return None
