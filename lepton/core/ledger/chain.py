"""The seal of the ledger: each row carries the hash of the row before it; pure functions that write and check it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Protocol

from lepton.core.work.files import canonical

GENESIS = "0" * 64
"""What the first row carries as the hash of the row before it."""


HEAD_KEY = 1
"""The key of the one record of the newest row."""

Head = tuple[Any, Any, Any]
"""Key, number and hash on record of the newest row, as they are stored: a damaged cell may hold anything."""


class Sealed(Protocol):
    """A row as it is stored; `payload` is text, exactly as stored."""

    @property
    def seq(self) -> int: ...  # noqa: D102
    @property
    def time(self) -> str: ...  # noqa: D102
    @property
    def actor(self) -> str: ...  # noqa: D102
    @property
    def pair(self) -> str: ...  # noqa: D102
    @property
    def action(self) -> str: ...  # noqa: D102
    @property
    def payload(self) -> str: ...  # noqa: D102
    @property
    def prev_hash(self) -> str: ...  # noqa: D102
    @property
    def hash(self) -> str: ...  # noqa: D102


def payload_text(payload: dict[str, Any]) -> str:
    """Return a payload as it is stored and sealed: equal payloads, equal text.

    Raises:
        ValueError: If it is not JSON; NaN and infinity are not.
    """
    text = canonical(payload)
    try:
        text.encode()
    except UnicodeEncodeError:  # half a character, as in the name of a file that is not UTF-8
        return json.dumps(payload, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text


def seal(seq: int, moment: str, actor: str, pair: str, action: str, payload: str, prev_hash: str) -> str:
    """Return the hex SHA-256 over everything in a row and the hash of the row before it."""
    text = canonical([seq, moment, actor, pair, action, payload, prev_hash])
    # A damaged SQLite text may not be UTF-8; it is read with this error handler and must still hash.
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def broken_links(rows: Sequence[Sealed], after: tuple[int, str] = (0, GENESIS)) -> list[str]:
    """Return a sentence for every row, in order of `seq`, that was edited, removed, inserted or moved.

    Args:
        rows: The rows as they are stored.
        after: Number and hash of the row that the first of them must follow; by default there is none before it.
    """
    problems = []
    expected, prev_hash = after[0] + 1, after[1]
    for row in rows:
        if row.seq < expected:
            problems.append(f"row {row.seq} was inserted before the first row")
        elif row.seq > expected:
            which = f"row {expected} is" if row.seq == expected + 1 else f"rows {expected} to {row.seq - 1} are"
            problems.append(f"{which} missing")
        elif row.prev_hash != prev_hash:
            problems.append(f"row {row.seq} does not follow the row before it")
        if not _intact(row):
            problems.append(f"row {row.seq} was changed after it was written")
        expected, prev_hash = row.seq + 1, row.hash
    return problems


def wrong_head(newest: Sealed | None, heads: Sequence[Head]) -> list[str]:
    """Return what is wrong with the end of the chain, given what is on record of the newest row."""
    if newest is None and not heads:
        return []
    if len(heads) != 1:
        return [f"the newest row is on record {len(heads)} times"]
    key, seq, found = heads[0]
    if key != HEAD_KEY or not isinstance(seq, int) or not isinstance(found, str):
        return ["the record of the newest row was changed"]
    last = newest.seq if newest else 0
    if last < seq:
        return [f"row {seq} is missing at the end" if last == seq - 1 else f"rows {last + 1} to {seq} are missing"]
    if last > seq:
        return [f"row {last} was added past the end"]
    return [] if newest and newest.hash == found else [f"row {last} is not the row that was written last"]


def whole_chain(rows: Sequence[Sealed], heads: Sequence[Head]) -> list[str]:
    """Return what is wrong with all rows of a ledger and its record of the newest, a sentence each."""
    return [*broken_links(rows), *wrong_head(rows[-1] if rows else None, heads)]


def _intact(row: Sealed) -> bool:
    texts = (row.time, row.actor, row.pair, row.action, row.payload, row.prev_hash)
    if not all(isinstance(text, str) for text in texts):  # SQLite stores whatever type it is given
        return False
    return row.hash == seal(row.seq, *texts)
