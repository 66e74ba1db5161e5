"""How much a strategy is expected to gain: a contextual bandit over what the ledger remembers.

A strategy's gain is thought of as a share of the base's remaining error, because that is what carries over from one
pair to the next. Without history it is the share that the strategy's own prior has for so many labels a class. Each
transfer on record moves it: one Bayesian linear regression a strategy (Agrawal & Goyal 2013) on the context, whose
prior mean that is. What is uncertain stays worth a try: the planner takes the expected improvement.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lepton.transfer import prior_of
from lepton.transfer.history import Record
from lepton.transfer.prior import LABELS, Shares
from lepton.transfer.signals import Signals

FLOOR = (0.0, 0.045, 0.05, 0.035)
"""Error, by labels a class, that those taught by a few labels have whatever they start from: of a base's error only
what is above it can be removed, and a better base is made worse. Least squares over the same runs (0.03 to 0.05)."""
STEEPER = 1.2
"""How many times the mean share is removed of what is above the floor, from the same fits."""
SPREAD = (0.4, 0.35, 0.17, 0.1)
"""Standard deviation of a strategy's share beside the others of the same transfer, by labels a class, from the same
runs. That all of them find a target harder than expected does not decide between them."""
TABLES_SPREAD = (0.3, 0.45, 0.35, 0.2)
"""The same for tables, where a strategy does more to one than to another (`benchmarks/tables/runs.py`)."""
DOUBT = 0.15
"""Prior standard deviation of each weight of the regression."""
BELIEVED_ROWS = 10.0
"""Labelled rows that the base's own confidence counts for when its error is estimated."""
LEAST_ERROR = 0.01


@dataclass(frozen=True)
class Expected:
    """What a strategy promises, in points of accuracy above the un-adapted ancestor."""

    gain: float
    sd: float


class Bandit:
    """Expected gains, learnt from records.

    Args:
        records: Of earlier transfers, in any order; those without a gain teach costs only.
    """

    def __init__(self, records: Sequence[Record] = ()) -> None:
        by_name: dict[str, list[Record]] = {}
        for record in records:
            if record.gain is not None:
                by_name.setdefault(record.strategy, []).append(record)
        self._posteriors = {name: _posterior(name, found) for name, found in by_name.items()}

    def expected(self, strategy: str, signals: Signals) -> Expected:
        """Return mean and standard deviation of a strategy's gain in a context."""
        if strategy == "none":
            return Expected(0.0, 0.0)
        error, phi = remaining_error(signals), _context(signals)
        mean, covariance = self._posteriors.get(strategy, (np.zeros(len(phi)), DOUBT**2 * np.eye(len(phi))))
        share = ladder(strategy, signals) + float(phi @ mean)
        variance = float(phi @ covariance @ phi) + spread(strategy, signals) ** 2
        return Expected(100 * error * share, 100 * error * math.sqrt(variance))


def ladder(strategy: str, signals: Signals) -> float:
    """Return the share of the base's error that a strategy's prior promises for such rows and labels a class."""
    prior = prior_of(strategy)
    share = _between(signals, prior.tables if signals.kind == "tabular" else prior.shares)
    if signals.kind == "tabular" or not prior.taught:
        return share
    return share * min(1.0, STEEPER * (1 - _between(signals, FLOOR) / remaining_error(signals)))


def spread(strategy: str, signals: Signals) -> float:
    """Return the standard deviation of a strategy's share between transfers in the same context."""
    prior, tables = prior_of(strategy), signals.kind == "tabular"
    own = prior.tables_spread if tables else prior.spread
    return _between(signals, TABLES_SPREAD if tables else SPREAD) if own is None else own


def _between(signals: Signals, values: Shares) -> float:
    """Return what holds for so many labels a class, between the numbers of labels that were measured."""
    return float(np.interp(math.log1p(signals.per_class), np.log1p(LABELS), values))


def remaining_error(signals: Signals) -> float:
    """Return the base's estimated error on the target: its labelled rows, and its confidence for ten more of them."""
    believed = 1 - signals.confidence
    if signals.base_accuracy is None:
        return max(believed, LEAST_ERROR)
    known = signals.labels * (1 - signals.base_accuracy)
    return max((known + BELIEVED_ROWS * believed) / (signals.labels + BELIEVED_ROWS), LEAST_ERROR)


def _context(signals: Signals) -> NDArray[np.float64]:
    """Return the features of a context, each about 0..1."""
    return np.array(
        [
            1.0,
            min(math.log1p(signals.per_class) / math.log(101), 1.0),
            1 - signals.confidence,
            min(math.log10(max(signals.rows, 1)) / 5, 1.0),
            (signals.a_distance or 0.0) / 2,
            float(signals.kind == "tabular"),
        ]
    )


def _posterior(strategy: str, records: Sequence[Record]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and covariance of the weights by which a strategy's share differs from its prior."""
    phi = np.stack([_context(r.signals) for r in records])
    shares = np.array([float(r.gain or 0.0) / (100 * remaining_error(r.signals)) for r in records])
    away = np.clip(shares, -1.5, 1.5) - np.array([ladder(strategy, r.signals) for r in records])
    certain = np.array([spread(strategy, r.signals) ** -2 for r in records])
    precision = phi.T @ (certain[:, None] * phi) + np.eye(phi.shape[1]) / DOUBT**2
    covariance: NDArray[np.float64] = np.linalg.inv(precision).astype(np.float64)
    return (covariance @ (phi.T @ (certain * away))).astype(np.float64), covariance
