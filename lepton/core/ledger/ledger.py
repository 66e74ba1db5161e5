"""The ledger: an append-only table of every decision, each row sealed with the hash of the row before it.

It is the truth about which model serves a pair and why. Inserting row n+1 is the compare-and-swap that model
aliases lack: of two writers who saw row n, the primary key lets one in and the other learns of it.

The chain shows any row that was edited, removed, inserted or moved after it was written. A second table holds
the number and hash of the newest row, so that rows cut off at the end are missed too. Whoever can write to the
database can still rewrite the whole chain from some row on: the seal makes edits evident, not impossible.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, TypeVar, cast, get_args

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, Select, select
from sqlalchemy.exc import SQLAlchemyError

from lepton.core.errors import Conflict, LeptonError
from lepton.core.ledger import excerpt, migrations
from lepton.core.ledger.actions import Action
from lepton.core.ledger.chain import GENESIS, HEAD_KEY, Head, Sealed, payload_text, seal, whole_chain
from lepton.core.ledger.database import lost_race, make_engine, sqlite_path, transaction, unusable
from lepton.core.ledger.entry import Entry
from lepton.core.ledger.migrations.schema import HEAD as _head
from lepton.core.ledger.migrations.schema import ROWS as _rows
from lepton.core.ledger.rows import Row, actions_of

_ATTEMPTS = 20
"""Lost races in a row before an append gives up; each one means that somebody else got in."""


T = TypeVar("T", bound=Row)


class Ledger:
    """The ledger at a database URL; the tables are made at the first append, reading creates nothing.

    Args:
        url: SQLAlchemy URL: `sqlite:////path/ledger.db`, `postgresql+psycopg://...`.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._ready = self._readable = False

    def record(
        self, actor: str, pair: str, row: T, expect_seq: int | None = None, expect_of: Sequence[Action] = ()
    ) -> Entry[T]:
        """Write what a row says; see `append`, which all that is written comes through."""
        entry = self.append(actor, pair, row.action, row.to_json(), expect_seq=expect_seq, expect_of=expect_of)
        return cast("Entry[T]", entry)

    def record_once(self, actor: str, pair: str, row: T, same: Callable[[T], bool]) -> None:
        """Write a row unless there is one that says the same; of several processes at once, one writes it.

        Args:
            actor: Who does it.
            pair: What it concerns.
            row: What is done.
            same: Whether an earlier row of this pair and kind says the same.
        """
        while True:
            before = self.rows(pair, type(row))
            if any(same(entry.row) for entry in before):
                return
            with suppress(Conflict):  # another row of the kind came in between: look again
                self.record(actor, pair, row, expect_seq=before[-1].seq if before else 0, expect_of=[row.action])
                return

    def append(
        self,
        actor: str,
        pair: str,
        action: Action,
        payload: dict[str, Any],
        expect_seq: int | None = None,
        expect_of: Sequence[Action] = (),
    ) -> Entry:
        """Write one row, given as JSON; `record` writes one that is typed.

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
        text = payload_text(payload)
        for attempt in range(_ATTEMPTS):
            try:
                with self._connect(write=True) as connection:
                    if not self._ready:
                        migrations.bring_up_to_date(connection)
                    # First the number to write after, then the check: whoever gets in after the check takes
                    # that number, and our insert fails on it. The other way round two could win.
                    newest = _newest(connection)
                    if expect_seq is not None:
                        _check_expected(connection, pair, expect_seq, expect_of)
                    entry = _insert(connection, newest, actor, pair, action, text)
                self._ready = True
                return entry
            except SQLAlchemyError as error:
                if not lost_race(error):
                    raise unusable(self.url, error, "written") from None
                # Another writer inserted this number after we looked: look again.
                if attempt == _ATTEMPTS - 1:
                    raise Conflict(f"The ledger stayed busy for {_ATTEMPTS} attempts.", fix=["try again"]) from None
                time.sleep(0.005 * (attempt + 1))
        raise AssertionError("the loop returns or raises")

    def rows(self, pair: str | None, *kinds: type[T], after: int = 0) -> list[Entry[T]]:
        """Return the rows of some kinds in order, of one pair or of all; a base class stands for what derives from it.

        Args:
            pair: Whose; None for all.
            kinds: `Promoted`, or `Move` for promotions and rollbacks.
            after: Only those after this sequence number.

        Raises:
            LeptonError: If the database cannot be read.
        """
        return cast("list[Entry[T]]", self.entries(pair, actions_of(*kinds), after))

    def last_row(self, pair: str | None, *kinds: type[T]) -> Entry[T] | None:
        """Return the newest row of some kinds, of a pair or of all; see `rows`."""
        return cast("Entry[T] | None", self.last(pair, actions_of(*kinds)))

    def entries(
        self, pair: str | None = None, action: Action | Sequence[Action] | None = None, after: int = 0
    ) -> list[Entry]:
        """Return the rows in order, optionally those of one pair, of some actions, or after a sequence number.

        Raises:
            LeptonError: If the database or a row cannot be read.
        """
        found = self._read(_filtered(pair, action, after).order_by(_rows.c.seq))
        return [_entry(row) for some in found for row in some]

    def each(
        self, *kinds: type[T], numbers: Collection[int] | None = None, parts: Sequence[excerpt.Path] = ()
    ) -> Iterator[Entry[T]]:
        """Yield rows in order, all of one moment; a payload is taken apart only when its row's turn comes.

        Args:
            kinds: Only rows of these kinds.
            numbers: Only the rows of these sequence numbers.
            parts: Leave everything else out of the payloads; a long ledger is read several times as fast.
        """
        query = _filtered(None, actions_of(*kinds), 0).order_by(_rows.c.seq)
        if numbers is not None:
            query = query.where(_rows.c.seq.in_(numbers))
        if parts:
            some = excerpt.taken_out(_rows.c.payload, parts, self._engine.dialect.name).label("payload")
            columns = [some if column is _rows.c.payload else column for column in _rows.c]
            with suppress(LeptonError):  # a damaged payload: the rows are read whole, to say which one it is
                for found in self._read(query.with_only_columns(*columns)):
                    yield from (cast("Entry[T]", _entry(row, parts)) for row in found)
                return
        for found in self._read(query):
            yield from (cast("Entry[T]", _entry(row)) for row in found)

    def last(self, pair: str | None = None, action: Action | Sequence[Action] | None = None) -> Entry | None:
        """Return the newest row of a pair and of some actions, or None."""
        found = self._read(_filtered(pair, action, 0).order_by(_rows.c.seq.desc()).limit(1))
        return _entry(found[0][0]) if found and found[0] else None

    def last_seq(self) -> int:
        """Return the newest sequence number; 0 if the ledger is empty."""
        found = self._read(select(sa.func.max(_rows.c.seq).label("newest")))
        return int(found[0][0].newest or 0) if found else 0

    def verify(self) -> list[str]:
        """Walk the chain and return what is wrong with it, a sentence each; empty means intact.

        Raises:
            LeptonError: If the database itself cannot be read.
        """
        return whole_chain(*self.stored())

    def stored(self) -> tuple[Sequence[Sealed], Sequence[Head]]:
        """Return the rows exactly as they are stored, in order, and what is on record of the newest one.

        Both are of the same moment, so that a row written meanwhile does not look like one too many.

        Raises:
            LeptonError: If the database cannot be read.
        """
        found, heads = self._read(select(_rows).order_by(_rows.c.seq), select(_head)) or ([], [])
        return cast("Sequence[Sealed]", found), [tuple(row) for row in heads]

    def _read(self, *queries: Select[Any]) -> list[list[sa.Row[Any]]]:
        """Return the rows of each query, all of one moment; nothing if the ledger was never written."""
        path = sqlite_path(self.url)
        if path is not None and not path.exists():  # connecting would create the file
            return []
        try:
            with self._connect() as connection:
                if not self._readable:
                    self._readable = not migrations.look(connection).empty
                return [list(connection.execute(query)) for query in queries] if self._readable else []
        except SQLAlchemyError as error:
            raise unusable(self.url, error, "read") from None

    @contextmanager
    def _connect(self, write: bool = False) -> Iterator[Connection]:
        """Yield a connection in a transaction that is committed at the end."""
        if write and (path := sqlite_path(self.url)) is not None:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise unusable(self.url, error, "written") from None
        with transaction(self._engine, write) as connection:
            yield connection

    @cached_property
    def _engine(self) -> Engine:
        return make_engine(self.url)


def _now() -> datetime:
    """Return what the clock says; it may have been set back since the last row, so the order is `seq` alone."""
    return datetime.now(UTC)


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
        kind = f" among {' and '.join(expect_of)} of {pair}" if expect_of else ""
        by = (
            f"Row {found} ({newest.action}, {newest.pair}) was written by {newest.actor}, {newest.time[:19]} UTC"
            if newest
            else "There is none"
        )
        raise Conflict(
            "Somebody else wrote to the ledger first; nothing was written.",
            why=f"{by}; row {expect_seq} was expected to be the newest{kind}.",
            fix=["look at the new state (lepton status), then decide again"],
        )


def _newest(connection: Connection) -> tuple[int, str]:
    """Return number and hash of the newest row."""
    found = connection.execute(select(_rows.c.seq, _rows.c.hash).order_by(_rows.c.seq.desc()).limit(1)).first()
    return (found.seq, found.hash) if found else (0, GENESIS)


def _insert(connection: Connection, newest: tuple[int, str], actor: str, pair: str, action: Action, text: str) -> Entry:
    seq, prev_hash = newest[0] + 1, newest[1]
    moment = _now().isoformat(timespec="microseconds")
    sealed = seal(seq, moment, actor, pair, action, text, prev_hash)
    connection.execute(
        _rows.insert().values(
            seq=seq, time=moment, actor=actor, pair=pair, action=action, payload=text, prev_hash=prev_hash, hash=sealed
        )
    )
    moved = connection.execute(_head.update().where(_head.c.id == HEAD_KEY).values(seq=seq, hash=sealed))
    if moved.rowcount == 0:
        connection.execute(_head.insert().values(id=HEAD_KEY, seq=seq, hash=sealed))
    return Entry(seq, moment, actor, pair, action, json.loads(text), prev_hash, sealed)


def _entry(row: sa.Row[Any], parts: Sequence[excerpt.Path] = ()) -> Entry:
    try:
        payload = excerpt.put_together(row.payload, parts) if parts else json.loads(row.payload)
    except (TypeError, ValueError) as error:
        raise LeptonError(
            f"Row {row.seq} of the ledger is damaged.",
            why=f"Its payload is not JSON ({error}).",
            fix=["restore the ledger from a backup"],
        ) from None
    return Entry(row.seq, row.time, row.actor, row.pair, row.action, payload, row.prev_hash, row.hash)
