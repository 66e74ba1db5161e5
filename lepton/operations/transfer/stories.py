"""The story of a transfer, as it stands on record: what the planner learns from, and what `--explain` tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from lepton.core.ledger import Entry
from lepton.core.ledger.rows import Decisive, Promoted, Proposed, Refused, TransferFinished
from lepton.operations.result import Json
from lepton.operations.session import Session
from lepton.operations.transfer.job import Considered
from lepton.operations.transfer.verdict import TransferVerdict

if TYPE_CHECKING:
    from lepton.transfer.attempt import Attempt
    from lepton.transfer.history import Record
    from lepton.transfer.planner import Step
    from lepton.transfer.signals import Signals

MOST = 500
"""Transfers that are looked back on, the newest ones."""


@dataclass(frozen=True)
class Story:
    """One transfer from its signals to its winner."""

    signals: Signals
    steps: tuple[Step, ...]
    """The plan."""
    attempts: tuple[Attempt, ...]
    """In the order in which they were made."""
    stopped: str
    """Why nothing else was tried."""
    considered: tuple[Considered, ...]
    """Possible ancestors, best first."""
    ancestor: str
    winner: str
    """Label of the attempt that was put forward."""
    verdict: TransferVerdict | None = None
    """Where no row of its own tells it: of a transfer that changed nothing."""

    def attempt(self, label: str) -> Attempt | None:
        """Return an attempt by its label, None if there is none."""
        return next((one for one in self.attempts if one.label == label), None)

    def to_json(self) -> Json:
        """Return a JSON object."""
        found = {
            "signals": self.signals.to_json(),
            "plan": [step.to_json() for step in self.steps],
            "candidates": [attempt.to_json() for attempt in self.attempts],
            "stopped": self.stopped,
            "considered": [asdict(one) for one in self.considered],
            "ancestor": self.ancestor,
            "winner": self.winner,
        }
        return found if self.verdict is None else {**found, "gate": self.verdict.to_json()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Story:
        """Read what `to_json` wrote, of an older lepton too."""
        from lepton.transfer.attempt import Attempt
        from lepton.transfer.search import step_from_json
        from lepton.transfer.signals import Signals

        gate = value.get("gate")
        return cls(
            signals=Signals.from_json(value["signals"]),
            steps=tuple(step_from_json(step) for step in value.get("plan", ())),
            attempts=tuple(Attempt.from_json(one) for one in value["candidates"]),
            stopped=value.get("stopped", ""),
            considered=tuple(Considered.from_json(one) for one in value.get("considered", ())),
            ancestor=value.get("ancestor", ""),
            winner=value["winner"],
            verdict=TransferVerdict.from_json(gate) if gate else None,
        )


def story_of(row: Entry) -> Story | None:
    """Return the story of a transfer from the row that ended it; None for rows without one."""
    found = story_on_record(row)
    return Story.from_json(found) if found else None


def story_on_record(entry: Entry) -> Mapping[str, Any] | None:
    """Return the story as the lepton that made it wrote it down; None for rows without one."""
    row = entry.row
    return row.story if isinstance(row, Decisive | Refused | TransferFinished) else None


def stories(session: Session, pair: str | None = None) -> list[tuple[Entry, Story]]:
    """Return the stories on record with their rows, oldest first; of one pair, or of all.

    Args:
        session: The workspace at work.
        pair: Its name.
    """
    rows = session.ledger.rows(pair, Promoted, Proposed, Refused, TransferFinished)
    return [(row, story) for row in rows if (story := story_of(row)) is not None][-MOST:]


def records_of(session: Session, pair: str) -> list[Record]:
    """Return one record for every strategy tried in the transfers on record, of all pairs.

    The pair's own teach what strategies cost, but not what they gain: their gains were measured on its held-out rows,
    which must choose nothing.
    """
    return [
        attempt.record(
            story.signals,
            None if row.pair == pair else _gain(attempt, story.attempt("none")),
            chosen=attempt.label == story.winner,
        )
        for row, story in stories(session)
        for attempt in story.attempts
        if attempt.share == 1 and attempt.label != "none"
    ]


def _gain(tried: Attempt, unadapted: Attempt | None) -> float | None:
    """Return the points gained at the gate, on held-out labelled rows; else on labelled rows held back; else None."""
    if unadapted is None:
        return None
    mine, bases = tried.accuracy, unadapted.accuracy
    return tried.measured.gain if mine is None or bases is None else 100 * (mine - bases)
