"""Forging a ledger as somebody would who owns its database: past the triggers, one change at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from lepton.core.ledger.chain import seal

TEXTS = ("time", "actor", "pair", "action", "payload", "prev_hash", "hash")
CELLS = (
    *(("ledger", column) for column in ("seq", *TEXTS)),
    *(("ledger_head", column) for column in ("id", "seq", "hash")),
)
KINDS = ("edit", "delete", "insert", "swap")
NUMBER = {"ledger": "seq", "ledger_head": "id"}


@dataclass(frozen=True)
class Forgery:
    """One change, drawn from `seed`."""

    kind: str
    seed: int

    def apply(self, path: Path) -> str:
        """Make the change in the SQLite file at `path`; return what was done."""
        draw = Random(f"{self.kind} {self.seed}")
        with unguarded(path) as db:
            return str(globals()[f"_{self.kind}"](db, draw))


@contextmanager
def unguarded(path: Path) -> Iterator[sqlite3.Connection]:
    """Yield a connection to a ledger whose triggers are gone until the end of the block."""
    with closing(sqlite3.connect(path)) as db:
        db.text_factory = bytes
        triggers = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            db.execute(f"DROP TRIGGER {name.decode()}")
        yield db
        for _, statement in triggers:
            db.execute(statement.decode())
        db.commit()


def _edit(db: sqlite3.Connection, draw: Random) -> str:
    """Change one byte of one stored cell."""
    table, column = draw.choice(CELLS)
    key = draw.choice(_numbers(db, table))
    old = db.execute(f"SELECT {column} FROM {table} WHERE {NUMBER[table]} = ?", (key,)).fetchone()[0]
    if isinstance(old, int):
        at = draw.randrange(7)  # the eighth byte holds the sign
        taken = set(_numbers(db, table))
        new: Any = draw.choice(
            [n for n in (old & ~(0xFF << 8 * at) | byte << 8 * at for byte in range(256)) if n not in taken]
        )
        value = "?"
    else:
        at = draw.randrange(len(old))
        byte = draw.choice([b for b in range(256) if b != old[at]])
        new, value = old[:at] + bytes([byte]) + old[at + 1 :], "CAST(? AS TEXT)"
    db.execute(f"UPDATE {table} SET {column} = {value} WHERE {NUMBER[table]} = ?", (new, key))
    return f"byte {at} of {table}.{column} of row {key}"


def _delete(db: sqlite3.Connection, draw: Random) -> str:
    table = draw.choices(list(NUMBER), weights=[9, 1])[0]
    key = draw.choice(_numbers(db, table))
    db.execute(f"DELETE FROM {table} WHERE {NUMBER[table]} = ?", (key,))
    return f"row {key} of {table} deleted"


def _insert(db: sqlite3.Connection, draw: Random) -> str:
    """Add a row that is well sealed in itself: before the first, between two, after the last, or far behind it."""
    numbers = _numbers(db, "ledger")
    where = draw.choice(["before", "between", "after", "beyond", "head"])
    if where == "head":
        db.execute("INSERT INTO ledger_head SELECT id + 1, seq, hash FROM ledger_head")
        return "second record of the newest row"
    seq = {
        "before": -draw.randrange(3),
        "between": draw.choice(numbers),
        "after": numbers[-1] + 1,
        "beyond": numbers[-1] + draw.randrange(2, 9),
    }[where]
    if where == "between":
        for number in reversed([n for n in numbers if n >= seq]):
            db.execute("UPDATE ledger SET seq = ? WHERE seq = ?", (number + 1, number))
    before = db.execute("SELECT hash FROM ledger WHERE seq < ? ORDER BY seq DESC LIMIT 1", (seq,)).fetchone()
    copied = db.execute(f"SELECT {', '.join(TEXTS[:5])} FROM ledger WHERE seq > ? LIMIT 1", (0,)).fetchone()
    texts = [cell.decode() for cell in copied] + [before[0].decode() if before else "0" * 64]
    marks = ", ".join("?" * 8)
    db.execute(f"INSERT INTO ledger (seq, {', '.join(TEXTS)}) VALUES ({marks})", (seq, *texts, seal(seq, *texts)))
    return f"row {seq} inserted {where}"


def _swap(db: sqlite3.Connection, draw: Random) -> str:
    """Let two rows exchange their places, or one cell."""
    columns = draw.choice([TEXTS, *((column,) for column in TEXTS)])
    while True:
        one, other = draw.sample(_numbers(db, "ledger"), 2)
        cells = [
            db.execute(f"SELECT {', '.join(columns)} FROM ledger WHERE seq = ?", (n,)).fetchone() for n in (one, other)
        ]
        if cells[0] != cells[1]:
            break
        columns = TEXTS
    setting = ", ".join(f"{column} = CAST(? AS TEXT)" for column in columns)
    for number, values in ((one, cells[1]), (other, cells[0])):
        db.execute(f"UPDATE ledger SET {setting} WHERE seq = ?", (*values, number))
    return f"{', '.join(columns)} of rows {one} and {other} swapped"


def _numbers(db: sqlite3.Connection, table: str) -> list[int]:
    return [row[0] for row in db.execute(f"SELECT {NUMBER[table]} FROM {table} ORDER BY 1")]
