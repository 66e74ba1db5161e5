"""The ledger: an append-only table of every decision, each row sealed with the hash of the row before it.

It is the truth about which model serves a pair and why. Inserting row n+1 is the compare-and-swap that model
aliases lack: of two writers who saw row n, the primary key lets one in and the other learns of it.

The chain shows any row that was edited, removed, inserted or moved after it was written. A second table holds
the number and hash of the newest row, so that rows cut off at the end are missed too. Whoever can write to the
database can still rewrite the whole chain from some row on: the seal makes edits evident, not impossible.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    NullPool,
    Row,
    Select,
    Table,
    Text,
    create_engine,
    event,
    func,
    inspect,
    select,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError, SQLAlchemyError

from lepton.core.errors import Conflict, LeptonError
from lepton.core.files import canonical

Action = Literal[
    "ingested",
    "registered",
    "promoted",
    "rolled_back",
    "refused",
    "transfer_started",
    "transfer_finished",
    "observed",
    "decided",
    "alerted",
]

INGESTED: Action = "ingested"
REGISTERED: Action = "registered"
PROMOTED: Action = "promoted"
ROLLED_BACK: Action = "rolled_back"
REFUSED: Action = "refused"
TRANSFER_STARTED: Action = "transfer_started"
TRANSFER_FINISHED: Action = "transfer_finished"
OBSERVED: Action = "observed"
"""Payload: the observation of one window."""
DECIDED: Action = "decided"
"""Payload: the controller's decision and its new state."""
ALERTED: Action = "alerted"

GENESIS = "0" * 64
"""What the first row carries as the hash of the row before it."""

_ATTEMPTS = 20
"""Lost races in a row before an append gives up; each one means that somebody else got in."""

_LOCK_SECONDS = 30.0
"""How long a SQLite writer waits for another; an append takes a few milliseconds."""

_metadata = MetaData()

_rows = Table(
    "ledger",
    _metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("time", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("pair", Text, nullable=False, index=True),
    Column("action", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("prev_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
)

_head = Table(
    "ledger_head",
    _metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
)


@dataclass(frozen=True)
class Entry:
    """One row of the ledger."""

    seq: int
    time: str
    """UTC, ISO 8601 with microseconds and offset."""
    actor: str
    """Who did it: a person (`user:ada`), a flow run, `demo`."""
    pair: str
    """A pair's name, or the source's name for what concerns its base model or its data."""
    action: Action
    payload: dict[str, Any]
    prev_hash: str
    hash: str

    @property
    def at(self) -> datetime:
        """The time as a datetime."""
        return datetime.fromisoformat(self.time)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return dict(vars(self))


class Ledger:
    """The ledger at a database URL; the tables are made at the first append, reading creates nothing.

    Args:
        url: SQLAlchemy URL: `sqlite:////path/ledger.db`, `postgresql+psycopg://...`.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._ready = False

    def append(
        self,
        actor: str,
        pair: str,
        action: Action,
        payload: dict[str, Any],
        expect_seq: int | None = None,
        expect_of: Sequence[Action] = (),
    ) -> Entry:
        """Write one row.

        Args:
            actor: Who does it.
            pair: What it concerns.
            action: What is done.
            payload: JSON-able evidence; NaN and infinity are not JSON.
            expect_seq: The newest sequence number that the caller has seen, 0 for none; None to write regardless.
            expect_of: Let `expect_seq` speak only of this pair's rows of these actions, so that a promotion is
                refused after another promotion of the pair, but not after an observation of some other pair.

        Returns:
            The row as written.

        Raises:
            Conflict: If the newest row is not `expect_seq`: nothing was written.
            LeptonError: If the database cannot be written.
            ValueError: If the payload is not JSON, or the action is unknown.
        """
        if action not in get_args(Action):
            raise ValueError(f"unknown ledger action {action!r}")
        text = canonical(payload)
        for attempt in range(_ATTEMPTS):
            try:
                with self._connect(write=True) as connection:
                    if not self._ready:
                        _metadata.create_all(connection)
                    if expect_seq is not None:
                        _check_expected(connection, pair, expect_seq, expect_of)
                    entry = _insert(connection, actor, pair, action, text)
                self._ready = True
                return entry
            except (IntegrityError, ProgrammingError):
                # Another writer inserted this number, or created the tables, after we looked: look again.
                if attempt == _ATTEMPTS - 1:
                    raise Conflict(f"The ledger stayed busy for {_ATTEMPTS} attempts.", fix=["try again"]) from None
                time.sleep(0.005 * (attempt + 1))
            except SQLAlchemyError as error:
                raise self._unusable(error, "written") from None
        raise AssertionError("the loop returns or raises")

    def entries(
        self, pair: str | None = None, action: Action | Sequence[Action] | None = None, after: int = 0
    ) -> list[Entry]:
        """Return the rows in order, optionally those of one pair, of some actions, or after a sequence number.

        Raises:
            LeptonError: If the database or a row cannot be read.
        """
        return [_entry(row) for row in self._read(_filtered(pair, action, after).order_by(_rows.c.seq))]

    def last(self, pair: str | None = None, action: Action | Sequence[Action] | None = None) -> Entry | None:
        """Return the newest row of a pair and of some actions, or None."""
        found = self._read(_filtered(pair, action, 0).order_by(_rows.c.seq.desc()).limit(1))
        return _entry(found[0]) if found else None

    def last_seq(self) -> int:
        """Return the newest sequence number; 0 if the ledger is empty."""
        found = self._read(select(func.max(_rows.c.seq)))
        return int(found[0][0] or 0) if found else 0

    def verify(self) -> list[str]:
        """Walk the chain and return what is wrong with it, a sentence each; empty means intact.

        Raises:
            LeptonError: If the database itself cannot be read.
        """
        rows = self._read(select(_rows).order_by(_rows.c.seq))
        heads = self._read(select(_head.c.seq, _head.c.hash))
        return [*_broken_links(rows), *_wrong_head(rows, heads)]

    def _read(self, query: Select[Any]) -> list[Row[Any]]:
        """Return all rows of a query; none if the ledger was never written."""
        if not self._exists():
            return []
        try:
            with self._connect() as connection:
                return list(connection.execute(query))
        except SQLAlchemyError as error:
            raise self._unusable(error, "read") from None

    def _exists(self) -> bool:
        if self._ready:
            return True
        path = _sqlite_path(self.url)
        if path is not None and not path.exists():  # connecting would create the file
            return False
        try:
            with self._connect() as connection:
                self._ready = {_rows.name, _head.name} <= set(inspect(connection).get_table_names())
        except SQLAlchemyError as error:
            raise self._unusable(error, "read") from None
        return self._ready

    @contextmanager
    def _connect(self, write: bool = False) -> Iterator[Connection]:
        """Yield a connection in a transaction that is committed at the end."""
        if write and (path := _sqlite_path(self.url)) is not None:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise self._unusable(error, "written") from None
        with self._engine.connect().execution_options(lepton_write=write) as connection, connection.begin():
            yield connection

    @cached_property
    def _engine(self) -> Engine:
        # No pool: a connection lives as long as one call, so there is nothing to dispose of, and nothing
        # which a forked process could share by accident.
        engine = create_engine(self.url, poolclass=NullPool)
        if engine.dialect.name == "sqlite":
            _serialise_sqlite_writers(engine)
        return engine

    def _unusable(self, error: Exception, verb: str) -> LeptonError:
        cause = str(error.orig) if isinstance(error, DBAPIError) else str(error)
        where = make_url(self.url).render_as_string(hide_password=True)
        return LeptonError(
            f"The ledger cannot be {verb}.",
            why=f"{where}: {cause.strip()}",
            fix=["lepton doctor", "check that the file or server is there, writable, and not full"],
        )


def hash_row(seq: int, moment: str, actor: str, pair: str, action: str, payload: str, prev_hash: str) -> str:
    """Return the hex SHA-256 that seals a row; `payload` is its text exactly as stored."""
    return hashlib.sha256(canonical([seq, moment, actor, pair, action, payload, prev_hash]).encode()).hexdigest()


def _serialise_sqlite_writers(engine: Engine) -> None:
    """The one place that knows SQLite: take the write lock before reading what the write depends on.

    The driver would begin a transaction at the first write only, after the read of the newest row. The rollback
    journal is kept (no WAL): the ledger stays one file that can be copied, and it is written a few times a minute.
    """

    @event.listens_for(engine, "connect")
    def _on_connect(dbapi_connection: Any, _: Any) -> None:
        dbapi_connection.isolation_level = None  # we say BEGIN ourselves
        cursor = dbapi_connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {int(_LOCK_SECONDS * 1000)}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get("lepton_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _sqlite_path(url: str) -> Path | None:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return None
    return Path(parsed.database)


def _filtered(pair: str | None, action: Action | Sequence[Action] | None, after: int) -> Select[Any]:
    query = select(_rows).where(_rows.c.seq > after)
    if pair is not None:
        query = query.where(_rows.c.pair == pair)
    if action is not None:
        query = query.where(_rows.c.action.in_([action] if isinstance(action, str) else list(action)))
    return query


def _check_expected(connection: Connection, pair: str, expect_seq: int, expect_of: Sequence[Action]) -> None:
    query = _filtered(pair, expect_of, 0) if expect_of else _filtered(None, None, 0)
    newest = connection.execute(query.order_by(_rows.c.seq.desc()).limit(1)).first()
    found = newest.seq if newest else 0
    if found != expect_seq:
        by = f"Row {found} ({newest.action}, {newest.pair}) was written by {newest.actor}" if newest else "It is empty"
        raise Conflict(
            "Somebody else wrote to the ledger first; nothing was written.",
            why=f"{by}; row {expect_seq} was expected to be the newest.",
            fix=["look at the new state (lepton status), then decide again"],
        )


def _insert(connection: Connection, actor: str, pair: str, action: Action, text: str) -> Entry:
    newest = connection.execute(select(_rows.c.seq, _rows.c.hash).order_by(_rows.c.seq.desc()).limit(1)).first()
    seq, prev_hash = (newest.seq + 1, newest.hash) if newest else (1, GENESIS)
    moment = datetime.now(UTC).isoformat(timespec="microseconds")
    seal = hash_row(seq, moment, actor, pair, action, text, prev_hash)
    connection.execute(
        _rows.insert().values(
            seq=seq, time=moment, actor=actor, pair=pair, action=action, payload=text, prev_hash=prev_hash, hash=seal
        )
    )
    moved = connection.execute(_head.update().where(_head.c.id == 1).values(seq=seq, hash=seal))
    if moved.rowcount == 0:
        connection.execute(_head.insert().values(id=1, seq=seq, hash=seal))
    return Entry(seq, moment, actor, pair, action, json.loads(text), prev_hash, seal)


def _entry(row: Row[Any]) -> Entry:
    try:
        payload = json.loads(row.payload)
    except ValueError as error:
        raise LeptonError(
            f"Row {row.seq} of the ledger is damaged.",
            why=f"Its payload is not JSON ({error}).",
            fix=["restore the ledger from a backup"],
        ) from None
    return Entry(row.seq, row.time, row.actor, row.pair, row.action, payload, row.prev_hash, row.hash)


def _broken_links(rows: Sequence[Row[Any]]) -> list[str]:
    problems = []
    expected_seq, prev_hash = 1, GENESIS
    for row in rows:
        if row.seq != expected_seq:
            gap = f"{expected_seq}" if row.seq == expected_seq + 1 else f"{expected_seq} to {row.seq - 1}"
            problems.append(f"row {gap} is missing" if row.seq > expected_seq else f"row {row.seq} was inserted")
        elif row.prev_hash != prev_hash:
            problems.append(f"row {row.seq} does not follow the row before it")
        if row.hash != hash_row(row.seq, row.time, row.actor, row.pair, row.action, row.payload, row.prev_hash):
            problems.append(f"row {row.seq} was changed after it was written")
        expected_seq, prev_hash = row.seq + 1, row.hash
    return problems


def _wrong_head(rows: Sequence[Row[Any]], heads: Sequence[Row[Any]]) -> list[str]:
    if not rows and not heads:
        return []
    if len(heads) != 1:
        return ["the record of the newest row is missing" if not heads else "there are several newest rows on record"]
    head = heads[0]
    newest = rows[-1].seq if rows else 0
    if newest < head.seq:
        return [f"rows {newest + 1} to {head.seq} are missing at the end"]
    if newest > head.seq:
        return [f"rows {head.seq + 1} to {newest} were added behind the ledger's back"]
    return [] if rows[-1].hash == head.hash else [f"row {newest} is not the row that was written last"]


