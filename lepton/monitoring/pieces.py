"""What each piece of evidence says of a window's accuracy: pure functions of the held-out rows and of the window.

No piece is right everywhere: confidence is blind where the champion errs with conviction, the mix of the answers
takes a new mix of the classes for a collapse, weights cannot make up rows that the reference never had. How far each
errs on this champion is learnt on windows whose accuracy is known (`fusion`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lepton.monitoring.answers import Judged, correct
from lepton.monitoring.mixes import mix_ceiling
from lepton.monitoring.rightness import Evidence, Matrix, alike, chance, fit

PIECES = ("confidence", "regions", "weighted", "mix", "agreement")
"""Names, in the order of `Held.say`. The piece that is learnt from simulated drift comes beside them."""
FOLDS = 2
"""A simulated window's rows are never judged by a calibration that was fitted to them."""


@dataclass(frozen=True)
class Held:
    """Held-out labelled rows, and the calibrations that they allow."""

    rows: Judged
    evidence: Evidence
    right: NDArray[np.bool_]
    fold: NDArray[np.int64]
    """(n,) which rows were kept from each calibration."""

    @classmethod
    def of(cls, rows: Judged, seed: int) -> Held:
        """Return held-out rows, all labelled and of finite answers, with their folds."""
        fold = np.random.default_rng(seed).permutation(len(rows)) % FOLDS
        return cls(rows, Evidence.of(rows), correct(rows), fold)

    def say(self, window: Judged, origin: NDArray[np.int64] | None = None) -> Matrix:
        """Return (len(PIECES),) what each piece says of a window; NaN where it has nothing to say.

        Args:
            window: Rows with the champion's answers, all finite; labels are not looked at.
            origin: (m,) for a simulated window: which held-out row each row was made from.
        """
        parts = [(np.ones(len(self.rows), dtype=bool), np.ones(len(window), dtype=bool))]
        if origin is not None:
            parts = [(self.fold != k, self.fold[origin] == k) for k in range(FOLDS)]
        scores, places = self.evidence.scores(window), self.evidence.places(window)
        members = self.evidence.members(window)
        weights = alike(self._places, places)
        found = np.full((len(PIECES), len(window)), np.nan)
        for learn, ask in parts:
            if not ask.any():
                continue
            y = self.right[learn]
            w = weights[learn] / weights[learn].mean()
            found[0, ask] = chance(scores[ask], fit(self._scores[learn], y))
            found[1, ask] = chance(places[ask], fit(self._places[learn], y, ridge=5.0))
            found[2, ask] = chance(scores[ask], fit(self._scores[learn], y, w))
            if members is not None and self._members is not None:
                found[4, ask] = chance(members[ask], fit(self._members[learn], y))
        said = found.mean(axis=1)
        said[3] = min(float(said[0]), mix_ceiling(self.rows.probabilities, window.probabilities))
        return np.asarray(said)

    @cached_property
    def _scores(self) -> Matrix:
        return self.evidence.scores(self.rows)

    @cached_property
    def _places(self) -> Matrix:
        return self.evidence.places(self.rows)

    @cached_property
    def _members(self) -> Matrix | None:
        return self.evidence.members(self.rows)
