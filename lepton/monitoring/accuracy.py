"""Accuracy without labels, from how sure the champion is of its answers.

Two estimates that err differently are averaged. Average thresholded confidence (Garg et al. 2022, "Leveraging
unlabeled data to predict out-of-distribution performance") counts the rows above the confidence that as many
held-out rows exceed as are answered rightly. Mean confidence is taken after temperature scaling on the same rows
(Guo et al. 2017). Both assume that confidence still means something on the new data; under strong corruption they
tend to see too small a loss, so a fall is a fall, while its size is a lower bound rather than a measurement.

A model that collapses onto a few classes can be quite sure of itself. So the mix of the answers sets a ceiling: if the
true classes are mixed as in the reference, at most 1 - TV(answers now, answers in the reference) of the answers can
be right, where TV is the total variation distance; what chance alone makes of it is not counted. A window whose true
mix has changed looks worse than it is by this, which its report says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from lepton.core.decisions.controller import Observation
from lepton.monitoring.answers import Judged, atc_threshold, certainty, correct, targets
from lepton.monitoring.estimator import Simulated

MIN_LABELLED = 30
"""Fewer held-out labelled rows than this cannot calibrate anything."""


@dataclass(frozen=True)
class Estimate:
    """Accuracy that the champion probably has on a window."""

    accuracy: float
    expected: float
    """The same estimate on reference rows that the champion was not fitted to."""
    method: str
    """`learnt`; without simulated windows `atc+confidence`, or `confidence` where too few rows are labelled to
    calibrate, or `mix` where the ceiling holds."""
    labelled: int
    """Held-out labelled rows behind the calibration."""
    low: float | None = None
    """Ends of an interval that holds the accuracy with a chance of `learnt.LEVEL`; None where only confidence tells."""
    high: float | None = None

    @property
    def half_width(self) -> float | None:
        """Half of the interval; None where there is none."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2

    @property
    def cost(self) -> float:
        """Accuracy lost against the reference."""
        return self.expected - self.accuracy


def estimate(reference: Judged, current: Judged, simulated: Simulated | None = None) -> Estimate | None:
    """Return the estimated accuracy on `current`; None where either has no row with finite answers.

    Args:
        reference: Rows without drift.
        current: The window; its labels are not looked at.
        simulated: What the estimate is learnt from; without it confidence alone has to tell.
    """
    known_rows = reference.finite()
    fresh = reference.fresh() & known_rows
    if fresh.sum() < MIN_LABELLED:
        fresh = known_rows
    seen = current.take(np.flatnonzero(current.finite()))
    if not len(seen) or not fresh.any():
        return None
    held_out = reference.held_out()
    labelled = int(held_out.sum())
    if simulated is not None:
        fitted = simulated.fitted
        features = simulated.usual.features(seen.probabilities, seen.embedding, seen.agreement)
        now, low, high = fitted.predict(features, len(seen))
        return Estimate(now, fitted.usual, "learnt", labelled, low, high)
    method, score = _estimator(reference, held_out)
    usual = reference.probabilities[fresh]
    found, ceiling = score(seen.probabilities), mix_ceiling(usual, seen.probabilities)
    if ceiling < found:
        found, method = ceiling, "mix"
    return Estimate(found, score(usual), method, labelled)


def _estimator(reference: Judged, held_out: NDArray[np.bool_]) -> tuple[str, Callable[[NDArray[np.float64]], float]]:
    """Return the name of the estimate that the labelled rows allow, and the function from probabilities to it."""
    if held_out.sum() < MIN_LABELLED:
        return "confidence", _confidence
    sure = reference.probabilities[held_out]
    temperature = fit_temperature(sure, targets(reference)[held_out])
    bar = atc_threshold(certainty(sure), correct(reference)[held_out])

    def both(probabilities: NDArray[np.float64]) -> float:
        above = float((certainty(probabilities) >= bar).mean())
        return (above + _confidence(cool(probabilities, temperature))) / 2

    return "atc+confidence", both


def mix_ceiling(reference: NDArray[np.float64], current: NDArray[np.float64]) -> float:
    """Return the largest share of right answers that the mix of answers allows, if the true mix is the reference's.

    Args:
        reference: (n, k) probabilities without drift.
        current: (m, k) probabilities of the window.
    """
    classes = reference.shape[1]
    before, after = (np.bincount(p.argmax(axis=1), minlength=classes) / len(p) for p in (reference, current))
    rng = np.random.default_rng(0)
    drawn = [rng.multinomial(len(p), before, size=500) / len(p) for p in (reference, current)]
    chance = float(np.quantile(np.abs(drawn[0] - drawn[1]).sum(axis=1) / 2, 0.99))
    return 1.0 - max(0.0, float(np.abs(before - after).sum()) / 2 - chance)


def realised(judged: Judged) -> float | None:
    """Return the accuracy on the rows whose label is known; None if there is none."""
    known_rows = judged.table.known()
    return float(correct(judged)[known_rows].mean()) if known_rows.any() else None


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


def fit_temperature(probabilities: NDArray[np.float64], targets: NDArray[np.int64]) -> float:
    """Return the temperature in [1/4, 4] that minimises the log loss; rows of target -1 do not count."""
    rows = targets >= 0
    if not rows.any():
        return 1.0
    logits = np.log(np.clip(probabilities[rows], 1e-12, 1.0))
    at = targets[rows]

    def loss(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        return float(np.mean(logsumexp(scaled, axis=1) - scaled[np.arange(len(at)), at]))

    return float(np.exp(minimize_scalar(loss, bounds=(-np.log(4), np.log(4)), method="bounded").x))


def cool(probabilities: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Return the probabilities as if their logits had been divided by `temperature`."""
    scaled = np.log(np.clip(probabilities, 1e-12, 1.0)) / temperature
    return np.asarray(np.exp(scaled - logsumexp(scaled, axis=1, keepdims=True)))


def _confidence(probabilities: NDArray[np.float64]) -> float:
    return float(probabilities.max(axis=1).mean())
