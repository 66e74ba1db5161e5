"""The verdict of a transfer: what the gate, or the guard without labels, says of what is put forward."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from lepton.core.decisions.belief import Belief
from lepton.core.decisions.gate import Verdict
from lepton.operations.result import Json

if TYPE_CHECKING:
    from lepton.transfer.search import Place


@dataclass(frozen=True)
class Retention:
    """How well test rows of the source are still read."""

    winner: float
    """Accuracy."""
    base: float
    rows: int

    def to_json(self) -> Json:
        """Return a JSON object."""
        return asdict(self)


@dataclass(frozen=True)
class TransferVerdict:
    """What was decided about the winner, with all the evidence; this goes on record as the `gate`."""

    verdict: Verdict
    winner: str
    """Label of the candidate that is put forward."""
    ranking: tuple[Place, ...] = ()
    stopped: str = ""
    """Why nothing else was tried."""
    unchanged: bool = False
    """Whether the winner is the very model that serves."""
    held_out_rows: int = 0
    control: str | None = None
    """Method of the target-only control; None if there was none."""
    source: Retention | None = None
    """None if the source has no labelled test rows any more."""
    useless: bool = False
    """Whether labels show the un-adapted base to be worse than always naming their most frequent class."""
    belief: Belief | None = None
    """How likely the winner is better than what it would replace; None if it is that model itself."""

    @property
    def passed(self) -> bool:
        """Whether the winner may serve."""
        return self.verdict.passed

    @property
    def summary(self) -> str:
        """One line: the verdict and the evidence in short."""
        return self.verdict.summary()

    @property
    def for_want_of_labels(self) -> bool:
        """Whether labels, or more of them, would decide better."""
        return self.verdict.undecided or self.verdict.basis == "validators"

    def to_json(self) -> Json:
        """Return a JSON object."""
        return {
            **self.verdict.to_json(),
            "summary": self.summary,
            "winner": self.winner,
            "ranking": [place.to_json() for place in self.ranking],
            "stopped": self.stopped,
            "unchanged": self.unchanged,
            "held_out_rows": self.held_out_rows,
            "control": self.control,
            "useless": self.useless,
            "source": self.source.to_json() if self.source else None,
            "belief": self.belief.to_json() if self.belief else None,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> TransferVerdict:
        """Read what `to_json` wrote, of an older lepton too."""
        from lepton.transfer.search import Place

        source, belief = value.get("source"), value.get("belief")
        return cls(
            verdict=Verdict.from_json(value),
            winner=value.get("winner", ""),
            ranking=tuple(Place(**place) for place in value.get("ranking", ())),
            stopped=value.get("stopped", ""),
            unchanged=value.get("unchanged", False),
            held_out_rows=value.get("held_out_rows", 0),
            control=value.get("control"),
            useless=value.get("useless", False),
            source=Retention(**source) if source else None,
            belief=Belief.from_json(belief) if belief else None,
        )
