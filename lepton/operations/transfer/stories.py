"""What the ledger remembers of every strategy that was ever tried, as the planner learns from it."""

from __future__ import annotations

from typing import Any

from lepton.core.ledger import PROMOTED, PROPOSED, REFUSED, TRANSFER_FINISHED, Entry
from lepton.operations.session import Session

MOST = 500
"""Transfers that are looked back on, the newest ones."""


def story_of(row: Entry) -> dict[str, Any] | None:
    """Return the story of a transfer from the row that ended it; None for rows without one."""
    found = (row.payload.get("evidence") or row.payload).get("story")
    return found if isinstance(found, dict) else None


def stories(session: Session, pair: str | None = None) -> list[tuple[Entry, dict[str, Any]]]:
    """Return the stories on record with their rows, oldest first; of one pair, or of all.

    Args:
        session: The workspace at work.
        pair: Its name.
    """
    rows = session.ledger.entries(pair, (PROMOTED, PROPOSED, REFUSED, TRANSFER_FINISHED))
    return [(row, story) for row in rows if (story := story_of(row)) is not None][-MOST:]


def records_of(session: Session, pair: str) -> list[Any]:
    """Return one record for every strategy tried in the transfers on record, of all pairs.

    The pair's own teach what strategies cost, but not what they gain: their gains were measured on its held-out rows,
    which must choose nothing.
    """
    from lepton.transfer.history import Record
    from lepton.transfer.signals import Signals

    found = []
    for row, story in stories(session):
        signals = Signals.from_json(story["signals"])
        unadapted = next((c for c in story["candidates"] if c["label"] == "none"), None)
        for tried in story["candidates"]:
            if tried["share"] == 1 and tried["label"] != "none":
                found.append(
                    Record(
                        strategy=tried["strategy"],
                        signals=signals,
                        gain=None if row.pair == pair else _gain(tried, unadapted),
                        seconds=tried["seconds"],
                        predicted=tried["predicted"] / tried.get("slowness", 1.0),
                        chosen=tried["label"] == story["winner"],
                    )
                )
    return found


def _gain(tried: dict[str, Any], unadapted: dict[str, Any] | None) -> float | None:
    """Return the points gained at the gate, on held-out labelled rows; else on labelled rows held back; else None."""
    if unadapted is None:
        return None
    mine, bases = (c["metrics"].get("accuracy") for c in (tried, unadapted))
    if mine is not None and bases is not None:
        return 100 * float(mine - bases)
    gain = tried["measured"]["gain"]
    return None if gain is None else float(gain)
