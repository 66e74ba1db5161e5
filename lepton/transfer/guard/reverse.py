"""Reverse validation: what the candidate calls the rows must teach a classifier that reads the base's own domain.

Zhong et al. 2010, "Cross Validation Framework to Choose amongst Models and Datasets for Transfer Learning". The rows of
the source are not at hand; rows drawn around its prototypes stand for them. Classes of the target called by wrong names
teach a classifier that misreads the source.
"""

from __future__ import annotations

import numpy as np

from lepton.models.model import Model
from lepton.transfer.guard.case import Case, FloatArray, IntArray, Source, Validator

DRAWN = 40
"""Rows drawn a class."""
RIDGE = 1.0


class Reverse(Validator):
    """Accuracy on drawn source rows of a ridge classifier fitted to the target's rows under a model's own answers."""

    name = "reverse"
    allowance = 0.1  # the base's own answers teach its own domain best: a better model is a little behind
    slack = 0.3

    def scores(self, case: Case) -> tuple[float, float] | None:
        """Return both accuracies, in the base's embedding; None if the base does not know its domain."""
        if case.source is None:
            return None
        rows, labels = draw(case.source)
        if not len(rows):
            return None
        h = case.base.embedding.astype(np.float64)
        k = case.base.answers.shape[1]
        return tuple(_taught(h, seen.classes, rows, labels, k) for seen in (case.candidate, case.base))  # type: ignore[return-value]


def source_of(base: Model) -> Source | None:
    """Return what a base keeps of its own domain; None if it keeps nothing."""
    known = base.statistics
    return Source(known.prototypes.numpy(), known.covariance.numpy(), known.prior.numpy()) if known else None


def draw(source: Source, count: int = DRAWN) -> tuple[FloatArray, IntArray]:
    """Return `count` rows a class around its prototype, with the covariance within classes; always the same ones.

    Returns:
        The rows, class by class, and the class of each; both empty if no prototype is known.
    """
    there = np.flatnonzero(~np.isnan(source.prototypes).any(axis=1))
    if not len(there):
        return np.empty((0, source.prototypes.shape[1])), np.empty(0, dtype=np.int64)
    values, vectors = np.linalg.eigh(within_classes(source))
    noise = np.random.default_rng(0).standard_normal((len(there) * count, len(values)))
    spread = (noise * np.sqrt(values.clip(0))) @ vectors.T
    return np.repeat(source.prototypes[there].astype(np.float64), count, axis=0) + spread, np.repeat(there, count)


def within_classes(source: Source) -> FloatArray:
    """Return (d, d) the covariance within classes: that of all rows less that of the prototypes."""
    there = np.flatnonzero(~np.isnan(source.prototypes).any(axis=1))
    shares, means = source.prior[there] / source.prior[there].sum(), source.prototypes[there].astype(np.float64)
    centred = means - shares @ means
    within = source.covariance.astype(np.float64) - (centred * shares[:, None]).T @ centred
    found: FloatArray = (within + within.T) / 2
    return found


def _taught(h: FloatArray, answers: IntArray, rows: FloatArray, labels: IntArray, k: int) -> float:
    """Return how well rows are read by a ridge classifier fitted to `h` under `answers`."""
    mean = h.mean(axis=0)
    x = np.hstack([h - mean, np.ones((len(h), 1))])
    y = np.eye(k)[answers]
    weights = np.linalg.solve(x.T @ x + RIDGE * len(h) / 100 * np.eye(x.shape[1]), x.T @ y)
    told = np.hstack([rows - mean, np.ones((len(rows), 1))]) @ weights
    return float(np.mean(told.argmax(axis=1) == labels))
