"""What labels that came late say of earlier windows of a pair: how far the estimates were off, and what was best."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from lepton.core.decisions.observation import Observation
from lepton.monitoring.reference_accuracy import Expected, carried


@dataclass(frozen=True)
class PieceError:
    """How one piece of the estimate erred where labels came."""

    squared: float
    """Mean squared error, what chance does to so few labels taken off."""
    windows: int


@dataclass(frozen=True)
class Past:
    """What is on record of a pair."""

    error: float | None = None
    """Mean absolute error of the estimate, as a share of rows; None where it was never tried."""
    windows: int = 0
    """Behind the error."""
    pieces: Mapping[str, PieceError] = field(default_factory=dict)
    """By the piece's name."""
    best: float | None = None
    """Greatest accuracy that labels showed."""
    expected: Expected | None = None
    """What labels said last, see `expected.carried`."""

    @classmethod
    def of(cls, earlier: Iterable[Observation], champion: str | None = None) -> Past:
        """Return what earlier windows say, oldest first.

        Args:
            earlier: Of one pair, with whatever champion.
            champion: Whose best is asked for; None: of all.
        """
        seen = list(earlier)
        once = {(one.digest, one.champion): one for one in seen if one.realised_accuracy is not None}
        tried = [one for one in once.values() if one.estimated_accuracy is not None]
        squares: dict[str, list[float]] = {}
        for one in once.values():
            real = one.realised_accuracy or 0.0
            chance = real * (1 - real) / max(1, one.labelled)
            for name, said in one.pieces.items():
                squares.setdefault(name, []).append(max(0.0, (said - real) ** 2 - chance))
        pieces = {name: PieceError(float(np.mean(found)), len(found)) for name, found in squares.items()}
        best = [one.realised_accuracy or 0.0 for one in once.values() if champion in (None, one.champion)]
        return cls(past_error(tried), len(tried), pieces, max(best, default=None), carried(seen))


def past_error(earlier: Iterable[Observation]) -> float | None:
    """Return the estimate's mean absolute error on windows whose labels were known, as a share of rows.

    A window that was delivered twice counts once for each champion that judged it. None if there is no window with
    both an estimate and a realised accuracy.
    """
    errors = {
        (seen.digest, seen.champion): abs(seen.estimated_accuracy - seen.realised_accuracy)
        for seen in earlier
        if seen.estimated_accuracy is not None and seen.realised_accuracy is not None
    }
    return float(np.mean(list(errors.values()))) if errors else None
