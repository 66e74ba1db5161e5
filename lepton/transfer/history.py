"""What earlier transfers teach: one record a strategy tried, as the ledger keeps it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from lepton.transfer.signals import Signals


@dataclass(frozen=True)
class Record:
    """One strategy that was tried once."""

    strategy: str
    signals: Signals
    """The context that it was tried in."""
    gain: float | None
    """Accuracy above the un-adapted ancestor's, in points of 100; None where no label could tell."""
    seconds: float
    predicted: float
    """Seconds that the strategy itself had expected."""
    chosen: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object; the signals stand beside the records of a transfer, once."""
        return {
            "strategy": self.strategy,
            "gain": self.gain,
            "seconds": round(self.seconds, 3),
            "predicted": round(self.predicted, 3),
            "chosen": self.chosen,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any], signals: Signals) -> Record:
        """Read what `to_json` gave."""
        return cls(
            strategy=value["strategy"],
            signals=signals,
            gain=value["gain"],
            seconds=value["seconds"],
            predicted=value["predicted"],
            chosen=value.get("chosen", False),
        )


def slowness(records: Sequence[Record], strategy: str, kind: str, *, least: float = 0.2, most: float = 20.0) -> float:
    """Return how many times longer than predicted a strategy took, the median of its last ten times; 1 if it never ran.

    Another machine, or a busy one, is slower by about one factor, whatever the number of rows: so the prediction, which
    knows about rows, is scaled instead of replaced. A strategy that never ran takes the factor of all others.
    """
    ratios = [
        r.seconds / r.predicted for r in records if r.strategy == strategy and r.signals.kind == kind and r.predicted
    ]
    if not ratios:
        ratios = [r.seconds / r.predicted for r in records if r.predicted > 1 and r.signals.kind == kind]
    return min(max(median(ratios[-10:]), least), most) if ratios else 1.0
