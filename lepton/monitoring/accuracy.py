"""Accuracy without labels: one estimate of several pieces, with an interval, or the word that it is not known.

Where the champion has labelled rows that it was not fitted to, the pieces are fused by their known errors (`fusion`).
Three rules keep the result honest. It is never above the best that was ever measured plus its own error: a drift that
helps is rarer than an estimate that lost its footing. Outside what was simulated there is an interval and no number.
And what labels that came late say of earlier estimates widens it, and takes weight from the piece that erred.

Where nothing can be simulated, confidence alone has to tell: average thresholded confidence (Garg et al. 2022,
"Leveraging unlabeled data to predict out-of-distribution performance") and the mean confidence after temperature
scaling (Guo et al. 2017) are averaged, below the ceiling that the mix of the answers sets and what was measured. Nobody
tried how far that errs on this pair, so the interval is wide. There, a fall is a fall, and its size a lower bound
rather than a measurement; what would reassure is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import sqrt

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp

from lepton.models.calibration import fit_temperature
from lepton.monitoring.answers import Judged, atc_threshold, certainty, correct, targets
from lepton.monitoring.estimator import NAMED, Simulated
from lepton.monitoring.mixes import mix_ceiling
from lepton.monitoring.past import Past
from lepton.monitoring.reference_accuracy import MIN_LABELLED, Expected, Z, measured

WIDEST = 0.4
"""An interval wider than this reassures nobody: a middle that would is not given."""
TEMPERATURES = (0.25, 4.0)
"""What scales a champion's confidence, at most: it is calibrated when it is made, so farther is chance."""
OFF = 1.25
"""Standard deviations in a mean absolute error, were errors normal."""
UNTRIED = 0.35
"""Half of the interval around what confidence alone says: on damaged digits nine of ten such numbers are off by less,
and on elec2, where all classes but one went, it was as far off as that on average."""


@dataclass(frozen=True)
class Estimate:
    """Accuracy that the champion probably has on a window."""

    accuracy: float | None
    """None: not known, the window is unlike all that was simulated, or nobody measured the champion."""
    expected: float
    """Without drift: measured on all held-out rows; what labels said last of the pair where there are none; where they
    never did, what confidence says of the reference."""
    method: str
    """`fused`; where nothing could be simulated `atc+confidence`, `confidence` where too few rows are labelled to
    calibrate, or `mix` where the ceiling holds; `not measured` where an earlier champion's labels have to stand in."""
    labelled: int
    """Held-out labelled rows behind the calibration."""
    low: float | None = None
    """Ends of an interval that holds the accuracy with a chance of `fusion.LEVEL`; `UNTRIED` from the middle where only
    confidence tells."""
    high: float | None = None
    measured: Expected | None = None
    """What is behind `expected`; None where it is only confidence."""
    pieces: Mapping[str, float] = field(default_factory=dict)
    """What each piece says."""
    weights: Mapping[str, float] = field(default_factory=dict)
    """What each counts."""
    middle: float | None = None
    """Of the pieces, also where it is not given out as known."""

    @property
    def half_width(self) -> float | None:
        """Half of the interval; None where there is none."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2

    @property
    def cost(self) -> float | None:
        """Accuracy lost against the reference; None where the accuracy is not known."""
        return None if self.accuracy is None else self.expected - self.accuracy


def estimate(
    reference: Judged, current: Judged, simulated: Simulated | None = None, past: Past | None = None
) -> Estimate | None:
    """Return the estimated accuracy on `current`; None where either has no row with finite answers.

    Args:
        reference: Rows without drift.
        current: The window; its labels are not looked at.
        simulated: What the errors of the pieces are learnt from; without it confidence alone has to tell.
        past: What labels that came late say of earlier windows.
    """
    known_rows = reference.finite()
    fresh = reference.fresh() & known_rows
    if fresh.sum() < MIN_LABELLED:
        fresh = known_rows
    seen = current.take(np.flatnonzero(current.finite()))
    if not len(seen) or not fresh.any():
        return None
    base = measured(reference)
    if simulated is not None and base is not None:
        return _fused(simulated, seen, base, past or Past())
    held_out = reference.held_out()
    method, score = _estimator(reference, held_out)
    usual = reference.probabilities[fresh]
    found, ceiling = score(seen.probabilities), mix_ceiling(usual, seen.probabilities)
    if ceiling < found:
        found, method = ceiling, "mix"
    past = past or Past()
    if base is None and past.expected is not None:
        return _unmeasured(found, score(usual), past.expected)
    expected = score(usual) if base is None else base.accuracy
    # A score that is off by so much where the truth is known is off by as much here.
    shown = found + expected - score(usual) if method != "mix" else min(found, expected)
    chance = Z * sqrt(expected * (1 - expected) * (1 / len(seen) + 1 / int(fresh.sum())))
    least = expected - chance if base is None else base.low
    best = max([1.0] if base is None else [base.high, past.best or 0.0])
    return _untried(min(shown, best), min(ceiling, shown), expected, least, method, base, past, int(held_out.sum()))


def _untried(
    shown: float,
    ceiling: float,
    expected: float,
    least: float,
    method: str,
    base: Expected | None,
    past: Past,
    labelled: int,
) -> Estimate:
    """Return what confidence alone says, with an interval as wide as befits it; a number only where it alarms.

    Args:
        shown: What it says, held to what was measured.
        ceiling: What the mix of the answers allows.
        expected: The accuracy without drift.
        least: What less than this is a fall.
        method: How it was come by.
        base: What measured `expected`.
        past: What labels that came late say of earlier windows.
        labelled: Rows behind the calibration.
    """
    middle = float(np.clip(shown, 0.0, 1.0))
    tried = 0.0 if past.error is None else Z * OFF * past.error * past.windows / (past.windows + 1)
    half = max(UNTRIED, tried)
    low, high = max(0.0, min(middle, ceiling) - half), min(1.0, middle + half)
    known = middle if middle < least else None
    return Estimate(known, expected, method, labelled, low, high, measured=base, middle=middle)


def _fused(simulated: Simulated, seen: Judged, base: Expected, past: Past) -> Estimate:
    """Return the estimate of all pieces, held to what was measured."""
    fused, said = simulated.estimate(seen, past)
    spread = fused.spread
    if past.error is not None:
        spread = max(spread, OFF * past.error * past.windows / (past.windows + 1))
    best = max(base.high, past.best or 0.0)
    ceiling = mix_ceiling(simulated.held.rows.probabilities, seen.probabilities)
    # Were the classes mixed as they ever were in the reference, no more of the answers could be right.
    middle = float(np.clip(fused.accuracy, 0.0, min(1.0, best + spread, ceiling + simulated.steady)))
    # What chance does to a window smaller than the simulated ones, and to the held-out rows behind every calibration.
    chance = middle * (1 - middle) * (max(0.0, 1 / len(seen) - 1 / simulated.rows) + 1 / base.rows)
    wider = spread / fused.spread
    down, up = (
        sqrt((wider * half) ** 2 + Z**2 * chance) for half in (fused.accuracy - fused.low, fused.high - fused.accuracy)
    )
    low, high = max(0.0, min(middle, ceiling, fused.accuracy) - down), min(1.0, max(middle, fused.accuracy) + up)
    # A number that reassures needs a narrow interval, one that alarms does not: what acts on it is tested by the gate.
    known = fused.known and (high - low <= WIDEST or middle < base.low)
    heard = [k for k, one in enumerate(said) if np.isfinite(one)]
    return Estimate(
        accuracy=middle if known else None,
        expected=base.accuracy,
        method="fused",
        labelled=base.rows,
        low=low,
        high=high,
        measured=base,
        pieces={NAMED[k]: float(said[k]) for k in heard},
        weights={NAMED[k]: float(fused.weights[k]) for k in heard},
        middle=middle,
    )


def _unmeasured(found: float, usual: float, last: Expected) -> Estimate:
    """Return what is known of a champion that nobody measured: an interval around what was measured last."""
    off = abs(usual - last.accuracy)
    low, high = max(0.0, min(found, last.low) - off), min(1.0, max(found, last.high))
    return Estimate(None, last.accuracy, "not measured", 0, low, high, measured=last, middle=found)


def _estimator(reference: Judged, held_out: NDArray[np.bool_]) -> tuple[str, Callable[[NDArray[np.float64]], float]]:
    """Return the name of the estimate that the labelled rows allow, and the function from probabilities to it."""
    if held_out.sum() < MIN_LABELLED:
        return "confidence", _confidence
    sure = reference.probabilities[held_out]
    logits, labels = torch.from_numpy(_logits(sure)), torch.from_numpy(targets(reference)[held_out])
    temperature = fit_temperature(logits, labels, pull=0.0, within=TEMPERATURES)
    bar = atc_threshold(certainty(sure), correct(reference)[held_out])

    def both(probabilities: NDArray[np.float64]) -> float:
        above = float((certainty(probabilities) >= bar).mean())
        return (above + _confidence(cool(probabilities, temperature))) / 2

    return "atc+confidence", both


def realised(judged: Judged) -> float | None:
    """Return the accuracy on the rows whose label is known; None if there is none."""
    known_rows = judged.table.known()
    return float(correct(judged)[known_rows].mean()) if known_rows.any() else None


def cool(probabilities: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Return the probabilities as if their logits had been divided by `temperature`."""
    scaled = _logits(probabilities) / temperature
    return np.asarray(np.exp(scaled - logsumexp(scaled, axis=1, keepdims=True)))


def _logits(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.log(np.clip(probabilities, 1e-12, 1.0)))


def _confidence(probabilities: NDArray[np.float64]) -> float:
    return float(probabilities.max(axis=1).mean())
