"""Regret: how far the choice was from the best of what was tried, by the held-out rows, known only afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Regret:
    """What hindsight says of a choice."""

    chosen: str
    best: str
    accuracy: float
    """Of the chosen candidate on the held-out rows."""
    best_accuracy: float
    points: float
    """What the best would have been better by, in points of accuracy."""
    seconds: float
    """Of all that was tried."""
    wasted: float
    """Seconds of what was neither chosen nor the un-adapted model."""

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return asdict(self)


def regret_of(chosen: str, candidates: Sequence[Mapping[str, Any]]) -> Regret | None:
    """Return the regret of a choice; None if the held-out rows have no labels to tell by.

    Args:
        chosen: Label of the winner.
        candidates: JSON of every candidate: `label`, `metrics`, `seconds`.
    """
    scored = {c["label"]: c["metrics"].get("accuracy") for c in candidates}
    known = {label: accuracy for label, accuracy in scored.items() if accuracy is not None}
    if chosen not in known:
        return None
    best = max(known, key=lambda label: (known[label], label == chosen))
    seconds = {c["label"]: float(c["seconds"]) for c in candidates}
    return Regret(
        chosen=chosen,
        best=best,
        accuracy=known[chosen],
        best_accuracy=known[best],
        points=100 * (known[best] - known[chosen]),
        seconds=sum(seconds.values()),
        wasted=sum(spent for label, spent in seconds.items() if label not in (chosen, "none")),
    )
