"""Connections to the ledger's database; the one place that knows SQLite from the others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, NullPool, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, SQLAlchemyError

from lepton.core.errors import LeptonError

_LOCK_SECONDS = 30
"""How long a writer waits for another; an append takes a few milliseconds."""
_LOST_RACES = ("23505", "40001", "40P01")
"""PostgreSQL's words for: somebody else inserted this key, or changed what we read, or each waits for the other."""


@lru_cache(maxsize=32)
def make_engine(url: str) -> Engine:
    """Return an engine without a pool; the same for the same URL, which asks a server for its version only once.

    A connection lives as long as one call: nothing is left to dispose of, or to share by accident with a forked
    process. Opening one takes well under a millisecond on SQLite and some ten on a local Postgres.

    Raises:
        LeptonError: If the URL is not one, or names a driver that is not installed.
    """
    try:
        engine = create_engine(url, poolclass=NullPool)
    except (SQLAlchemyError, ImportError) as error:
        raise LeptonError(
            "The ledger's address cannot be used.",
            why=f"{_public(url)}: {error}",
            fix=["correct LEPTON_LEDGER_URL", "install the driver it names, e.g. pip install 'psycopg[binary]'"],
        ) from None
    if engine.dialect.name == "sqlite":
        _serialise_sqlite_writers(engine)
    elif engine.dialect.name != "postgresql":
        raise LeptonError(
            "The ledger's address cannot be used.",
            why=f"{_public(url)}: the ledger lives in SQLite or PostgreSQL, not in {engine.dialect.name}.",
            fix=["correct LEPTON_LEDGER_URL, e.g. postgresql+psycopg://user@host/database"],
        )
    return engine


@contextmanager
def transaction(engine: Engine, write: bool = False) -> Iterator[Connection]:
    """Yield a connection in a transaction, committed if the block succeeds.

    Writers are let in one by one, before they read what their write depends on. A reader sees one moment: rows that
    are written meanwhile are in none of its answers.
    """
    options: dict[str, Any] = {"lepton_write": write}
    if engine.dialect.name == "postgresql":
        # Said here, because a server can be set to another default: under READ COMMITTED what a writer reads after
        # it got the lock is what the writer before it left.
        options["isolation_level"] = "READ COMMITTED" if write else "REPEATABLE READ"
    with engine.connect().execution_options(**options) as connection, connection.begin():
        if write and engine.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'")
            connection.exec_driver_sql(
                "SELECT pg_advisory_xact_lock(hashtext('lepton.ledger'), hashtext(current_schema()))"
            )
        yield connection


def lost_race(error: SQLAlchemyError) -> bool:
    """Return whether a write failed only because somebody else was faster: then it may be tried again."""
    if isinstance(error, IntegrityError):
        return True
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _LOST_RACES


def sqlite_path(url: str) -> Path | None:
    """Return the file behind a SQLite URL; None for other databases."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        return None  # whoever connects gets to hear of it
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


def unusable(url: str, error: Exception, verb: str) -> LeptonError:
    """Return what to tell the user when the ledger cannot be read or written; without the password."""
    cause = str(error.orig) if isinstance(error, DBAPIError) else str(error)
    return LeptonError(
        f"The ledger cannot be {verb}.",
        why=f"{_public(url)}: {cause.strip()}",
        fix=["lepton doctor", "check that the file or server is there, writable, and not full"],
    )


def _public(url: str) -> str:
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return "(not a database URL)"


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
