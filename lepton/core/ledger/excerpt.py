"""Parts of a stored JSON payload, taken out by the database: of kilobytes a view may need a few dozen characters."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement

Path = tuple[str, ...]
"""Keys from the outside in; letters and underscores, for they are written into the query."""


def taken_out(payload: sa.Column[str], paths: Sequence[Path], dialect: str) -> ColumnElement[str]:
    """Return the expression that makes a JSON list of the parts, in order; null where there is none.

    Args:
        payload: The column of JSON text.
        paths: Two or more: of one alone SQLite would return the bare value.
        dialect: Name of the database's.
    """
    if dialect == "sqlite":
        found: ColumnElement[str] = sa.func.json_extract(payload, *("$." + ".".join(path) for path in paths))
        return found
    value = sa.cast(payload, sa.JSON)
    return sa.cast(sa.func.json_build_array(*(value.op("#>")(_keys(path)) for path in paths)), sa.Text)


def put_together(text: str, paths: Sequence[Path]) -> dict[str, Any]:
    """Return an object that has only the parts, each at its place; what was null is left out."""
    made: dict[str, Any] = {}
    for path, value in zip(paths, json.loads(text), strict=True):
        if value is None:
            continue
        inner = made
        for key in path[:-1]:
            inner = inner.setdefault(key, {})
        inner[path[-1]] = value
    return made


def _keys(path: Path) -> ColumnElement[Any]:
    return sa.literal_column("'{" + ",".join(path) + "}'::text[]")
