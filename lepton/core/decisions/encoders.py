"""Which of several encoders a base gets: the best on validation rows, unless one that learns from them may be as good.

Judged by the log loss of the validation rows, at the temperature that suits each encoder: a few hundred rows say more
by it than by how many are right. A lead counts if it is more than chance makes of so many rows, by the differences row
by row. One that will yet learn from the validation rows themselves is better than its score, so it is taken if nothing
tells it from the best. Otherwise it is the best, and of equals the smallest: to let a smaller one stand for all that
chance may explain took the plain perceptron twice in fourteen tables, for half a point and a whole one. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

CHOICE = "encoder_choice"
"""Key among a base's settings under which its record keeps what was tried."""
CERTAIN = 2.0
"""Standard errors of the mean difference from which on a lead counts."""


@dataclass(frozen=True)
class Tried:
    """An encoder with which a base was trained."""

    encoder: str
    accuracy: float
    """Share of the validation rows that it reads right."""
    log_loss: float
    """Of the validation rows, in nats."""
    seconds: float
    """That the training took."""
    size: int
    """Bytes of the base's weights."""
    learns_all: bool
    """Whether, once it is taken, it learns from the validation rows as well."""


@dataclass(frozen=True)
class Choice:
    """What was tried, and which one was taken."""

    took: str
    tried: tuple[Tried, ...]
    """In their order."""
    left_out: Mapping[str, str]
    """Encoders that were not tried, and why."""

    def summary(self) -> str:
        """Say it in one line."""
        best = next(one for one in self.tried if one.encoder == self.took)
        others = [f"{one.accuracy:.3f} of {one.encoder} ({one.log_loss:.3f})" for one in self.tried if one != best]
        against = f", against {', '.join(others)}" if others else ""
        without = "".join(f"; not tried: {name}, {why}" for name, why in self.left_out.items())
        return (
            f"{best.encoder}: {best.accuracy:.3f} of validation rows (log loss {best.log_loss:.3f}){against}{without}"
        )

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Choice:
        """Read what `to_json` wrote."""
        return cls(value["took"], tuple(Tried(**one) for one in value["tried"]), dict(value["left_out"]))


def choose(
    tried: Sequence[Tried], losses: Mapping[str, NDArray[np.float64]], left_out: Mapping[str, str] | None = None
) -> Choice:
    """Return which encoder to take. No clock decides: the same rows give the same choice.

    Args:
        tried: At least one.
        losses: Encoder -> (n,) log loss of each validation row; the rows in one order.
        left_out: Encoders that were not tried, and why.
    """
    best = min(tried, key=lambda one: (one.log_loss, one.encoder))
    as_good = [one for one in tried if not behind(losses[one.encoder], losses[best.encoder])]
    took = min(as_good, key=lambda one: (not one.learns_all, one.log_loss, one.size, one.encoder))
    return Choice(took.encoder, tuple(tried), dict(left_out or {}))


def behind(losses: NDArray[np.float64], best: NDArray[np.float64]) -> bool:
    """Return whether losses are larger than others, row by row, by more than chance makes of it.

    Args:
        losses: (n,) of each row.
        best: (n,) of the same rows.
    """
    apart = losses - best
    if len(apart) < 2:
        return False
    return bool(apart.mean() > CERTAIN * apart.std(ddof=1) / np.sqrt(len(apart)))
