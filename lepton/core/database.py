"""Connections to the ledger's database; the one place that knows SQLite from the others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, NullPool, create_engine, event
from sqlalchemy.engine import make_url

_LOCK_SECONDS = 30
"""How long a SQLite writer waits for another; an append takes a few milliseconds."""


def make_engine(url: str) -> Engine:
    """Return an engine without a pool.

    A connection lives as long as one call: nothing is left to dispose of, or to share by accident with a forked
    process. Opening one takes well under a millisecond on SQLite and some ten on a local Postgres.
    """
    engine = create_engine(url, poolclass=NullPool)
    if engine.dialect.name == "sqlite":
        _serialise_sqlite_writers(engine)
    return engine


@contextmanager
def transaction(engine: Engine, write: bool = False) -> Iterator[Connection]:
    """Yield a connection in a transaction, committed if the block succeeds."""
    with engine.connect().execution_options(lepton_write=write) as connection, connection.begin():
        yield connection


def sqlite_path(url: str) -> Path | None:
    """Return the file behind a SQLite URL; None for other databases."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return None
    return Path(parsed.database)


def public_url(url: str) -> str:
    """Return the URL without its password."""
    return make_url(url).render_as_string(hide_password=True)


def _serialise_sqlite_writers(engine: Engine) -> None:
    """Take the write lock before reading what the write depends on.

    The driver would begin a transaction at the first write only, after the newest row was read. The rollback
    journal is kept (no WAL): the ledger stays one file that can be copied, and few rows a minute are written.
    """

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")  # damage must be readable
        connection.execute(f"PRAGMA busy_timeout = {_LOCK_SECONDS * 1000}").close()

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get("lepton_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
