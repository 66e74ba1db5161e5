"""Why the last transfer of a target chose what it chose, and what hindsight says: from the ledger alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lepton.core.errors import NotFound
from lepton.core.ledger import Entry
from lepton.core.ledger.rows import Decisive, Refused, summary_of
from lepton.operations.result import Facts, Json, Result
from lepton.operations.session import Session
from lepton.operations.transfer.stories import Story, stories, story_on_record
from lepton.transfer.regret import Regret, regret_of


@dataclass(frozen=True)
class TransferExplained(Result):
    """The last transfer of a target that is on record."""

    domain: str
    row: Entry
    """The row that ended it."""
    story: Story
    gate: Mapping[str, Any]
    """The verdict, as the lepton that made it wrote it down."""
    regret: Regret | None
    """What hindsight says; None if no held-out row has a label."""

    @property
    def outcome(self) -> str:
        """What became of it."""
        return {"transfer_finished": "kept"}.get(self.row.action, self.row.action)

    def facts(self) -> Facts:
        """Return what became of it and why."""
        return {
            "transfer of": f"{self.domain}, {self.row.time[:16].replace('T', ' ')} UTC",
            "outcome": f"{self.outcome}, {self.story.winner}",
            "stopped": self.story.stopped,
            "gate": summary_of(self.gate) or "not asked",
            "regret": f"{self.regret.points:.1f} points" if self.regret else "unknown",
        }

    def to_json(self) -> Json:
        """Return a JSON object."""
        about = {"domain": self.domain, "time": self.row.time, "seq": self.row.seq, "outcome": self.outcome}
        regret = self.regret.to_json() if self.regret else None
        return {**about, **self.story.to_json(), "gate": self.gate, "regret": regret}


def explain(session: Session, domain: str) -> TransferExplained:
    """Return the last transfer of a target that is on record, with its verdict and its regret.

    Raises:
        NotFound: If there is none.
    """
    known = stories(session, session.ws.pair(domain).name)
    if not known:
        raise NotFound(
            f"No transfer of {domain!r} is on record with its candidates.",
            why="None was made yet, or an earlier lepton made it.",
            fix=[f"lepton transfer {domain}"],
        )
    entry, story = known[-1]
    said = entry.row
    gate = said.gate if isinstance(said, Decisive | Refused) else {}
    gate = gate or (story_on_record(entry) or {}).get("gate") or {}
    regret = regret_of(story.winner, [one.to_json() for one in story.attempts])
    return TransferExplained(domain, entry, story, gate, regret)
