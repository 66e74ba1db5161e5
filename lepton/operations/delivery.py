"""A delivery that is no file on this disk becomes one, and goes the way of every file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Union

from lepton.core.config.limits import LimitsConfig
from lepton.core.config.settings import limits_before_init
from lepton.core.errors import LeptonError, UsageError
from lepton.data.sources.arrow import ArrowStream, Lazy, Scannable, is_rows, write_rows
from lepton.data.sources.arrow import origin as origin_of_rows
from lepton.data.sources.fetch import fetch
from lepton.data.sources.origin import Origin, standing_in
from lepton.data.sources.sql import Query, write_query
from lepton.data.sources.url import is_url, public
from lepton.data.sources.url import origin as origin_of_url

if TYPE_CHECKING:
    import pandas as pd

Given = Union[str, Path, Query, "pd.DataFrame", ArrowStream, Scannable, Lazy]
"""A path, an address, a query, or rows in memory or as a stream."""


@contextmanager
def as_file(delivery: Given, name: str | None = None, limits: LimitsConfig | None = None) -> Iterator[Path]:
    """Yield the file of a delivery; of what is none a temporary one, which errors in the block call by its origin.

    Args:
        delivery: A path (CSV, Parquet, NPZ, a folder of images); an address (`https://`, `s3://`; of a store also a
            folder); a `Query`; or rows: a pandas DataFrame, a pyarrow Table, RecordBatchReader or Dataset, a polars
            DataFrame or LazyFrame, whatever else speaks Arrow.
        name: Of the file that rows or a query become, without its suffix; by default made from the rows, so that the
            same rows have the same name.
        limits: How large it may be; by default what the environment says, for there is no workspace yet.

    Raises:
        UsageError: If it is something else.
        LeptonError: If it cannot be fetched, or is larger than allowed.
    """
    if isinstance(delivery, Path) or (isinstance(delivery, str) and not is_url(delivery)):
        yield Path(delivery).expanduser().absolute()
        return
    limits = limits or limits_before_init(dict(os.environ))
    with TemporaryDirectory(prefix="lepton-delivery-") as folder:
        try:
            path, origin = _taken(delivery, Path(folder), name, limits)
        except OSError as error:
            raise LeptonError(
                "The delivery cannot be kept while it is looked at.",
                why=f"{folder}: {error.strerror or error}.",
                fix=["set TMPDIR to a folder with more space"],
            ) from None
        with standing_in(path, origin):
            yield path


def address(delivery: str) -> str | None:
    """Return an address as it may be shown, without what opens the door; None of a path."""
    return public(delivery) if is_url(delivery) else None


def asked(delivery: Given | None, sql: str | None, db: str | None) -> Given:
    """Return what is delivered: either a delivery as such, or a query and where to ask it.

    Raises:
        UsageError: If it is neither, or both.
    """
    if sql is None and db is None and delivery is not None:
        return delivery
    if sql is not None and db is not None and delivery is None:
        return Query(sql, db)
    if sql is None and db is None:
        raise UsageError(
            "Nothing is delivered.", fix=["name a file, a folder or an address", "give a query and a database"]
        )
    raise UsageError(
        "A delivery is either a file or a query.",
        why="A query needs both, the statement and the database, and no file beside it.",
        fix=['lepton ingest DOMAIN --sql "SELECT ..." --db env:SHOP_DB'],
    )


def _taken(delivery: object, folder: Path, name: str | None, limits: LimitsConfig) -> tuple[Path, Origin]:
    if isinstance(delivery, str):
        return fetch(delivery, folder, limits), origin_of_url(delivery)
    if isinstance(delivery, Query):
        return write_query(delivery, folder, name, limits), delivery.origin
    if is_rows(delivery):
        return write_rows(delivery, folder, name, limits), origin_of_rows(delivery)
    raise UsageError(
        f"A {type(delivery).__name__} is no delivery.",
        why="A delivery is a path, an address, a query, or rows: a DataFrame, an Arrow table or stream.",
        fix=["pandas.DataFrame(...)"],
    )
