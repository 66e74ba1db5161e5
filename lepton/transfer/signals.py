"""Signals: what cheap looks at frozen features say of a target, before anything is adapted.

Each costs milliseconds on cached embeddings. They are the context in which strategies are ordered, and what an ancestor
is chosen by:

- k-fold accuracy of a linear probe, and of the base itself, on the labelled rows;
- H-score (Bao et al. 2019, with a shrunk covariance as in Ibrahim et al. 2021) and LogME (You et al. 2021): how well
  embeddings explain labels, without fitting a classifier;
- proxy A-distance (Ben-David et al. 2007): how well a linear classifier tells source from target;
- the shift of the classes' shares (`label_shift`), and the base's confidence.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lepton.models.model import Model
from lepton.transfer.folds import fold_of
from lepton.transfer.guard.reverse import draw, source_of
from lepton.transfer.label_shift import plausible_prior, source_prior
from lepton.transfer.strategy import TargetData

FOLDS = 5
RIDGE = 10.0
"""Of the probe: a sum of squares, in units of the features."""
SHRINK = 0.1
MOST = 1000
"""Rows a side of the proxy A-distance."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Signals:
    """The context of a transfer; None where a signal lacks what it takes."""

    kind: str
    classes: int
    rows: int
    """All rows to adapt with."""
    labels: int
    confidence: float
    """Mean probability of the base's answers, calibrated on the source."""
    base_accuracy: float | None
    """Of the base on the labelled rows."""
    probe_accuracy: float | None
    """Of a linear probe, k-fold, on the labelled rows."""
    h_score: float | None
    """As a share of its largest value, the number of classes less one."""
    log_me: float | None
    """Log evidence a row, in nats."""
    a_distance: float | None
    """0: source and target cannot be told apart; 2: always."""
    label_shift: float
    """L1 distance between the target's estimated shares and those that the base learnt with."""

    @property
    def per_class(self) -> float:
        """Return labelled rows a class."""
        return self.labels / self.classes

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Signals:
        """Read what `to_json` gave, of an older lepton too: what it did not measure is None."""
        return cls(**{field.name: value.get(field.name) for field in fields(cls)})  # type: ignore[arg-type]


def measure(base: Model, target: TargetData, source: Tensor | None = None) -> Signals:
    """Return the signals of a target as seen by a base.

    Args:
        base: The ancestor.
        target: The rows to adapt with.
        source: (m, d) embeddings of the base's own domain; by default rows drawn from the statistics that it keeps.
    """
    h, known = target.features.double().numpy(), (target.labels >= 0).numpy()
    y, k = target.labels.numpy()[known], len(base.classes)
    chances = torch.softmax(base.logits_of(target.features).double() / base.temperature, dim=1)
    right = (chances.argmax(dim=1).numpy()[known] == y).mean() if known.any() else None
    told = _source_rows(base) if source is None else source.double().numpy()
    return Signals(
        kind=base.inputs.kind,
        classes=k,
        rows=len(target),
        labels=int(known.sum()),
        confidence=float(chances.max(dim=1).values.mean()) if len(target) else 1.0,
        base_accuracy=None if right is None else float(right),
        probe_accuracy=probe_accuracy(h[known], y),
        h_score=h_score(h[known], y),
        log_me=log_me(h[known], y),
        a_distance=a_distance(told, h) if told is not None else None,
        label_shift=float((plausible_prior(base, target.features) - source_prior(base)).abs().sum()),
    )


def probe_accuracy(h: Array, y: NDArray[np.int64]) -> float | None:
    """Return the k-fold accuracy of a ridge classifier on (n, d) embeddings; None if no label can be held back."""
    parts, _ = fold_of(y, FOLDS, seed=0)
    if parts is None or len(np.unique(y)) < 2:
        return None
    right = np.zeros(len(y), dtype=bool)
    for fold in range(int(parts.max()) + 1):
        out = parts == fold
        weights = _ridge(h[~out], _one_hot(y[~out], int(y.max()) + 1), RIDGE)
        right[out] = _told(h[out], weights).argmax(axis=1) == y[out]
    return float(right.mean())


def h_score(h: Array, y: NDArray[np.int64]) -> float | None:
    """Return tr(cov(h)^-1 cov(E[h | y])) over the number of classes less one, 0..1; None with too few labels."""
    seen = np.unique(y)
    if len(seen) < 2 or len(y) < 2 * len(seen):
        return None
    centred = h - h.mean(axis=0)
    covariance = centred.T @ centred / len(h)
    covariance = (1 - SHRINK) * covariance + SHRINK * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    between = np.zeros_like(covariance)
    for label in seen:
        mean = centred[y == label].mean(axis=0)
        between += (y == label).mean() * np.outer(mean, mean)
    return float(np.trace(np.linalg.solve(covariance, between)) / (len(seen) - 1))


def log_me(h: Array, y: NDArray[np.int64]) -> float | None:
    """Return the log of the maximum evidence a row, mean over classes; None with fewer than two classes.

    The fixed-point iteration of You et al. 2021 (LogME, algorithm 1) on the singular values.
    """
    if len(np.unique(y)) < 2:
        return None
    n, d = h.shape
    u, s, _ = np.linalg.svd(h, full_matrices=False)
    evidence = [_evidence((y == label).astype(np.float64), u, s, n, d) for label in np.unique(y)]
    return float(np.mean(evidence))


def _evidence(target: Array, u: Array, s: Array, n: int, d: int) -> float:
    """Return the log evidence a row of one one-against-all target (n,)."""
    squares, projected = s**2, u.T @ target
    rest = float(target @ target - projected @ projected)
    alpha = beta = 1.0
    for _ in range(20):
        t = alpha / beta
        gamma = float((squares / (squares + t)).sum())
        m2 = float((squares * projected**2 / (squares + t) ** 2).sum())
        residual = float((projected**2 / (1 + squares / t) ** 2).sum()) + max(rest, 0.0)
        before = t
        alpha, beta = gamma / max(m2, 1e-12), (n - gamma) / max(residual, 1e-12)
        if abs(alpha / beta - before) <= 1e-3 * before:
            break
    log_det = float(np.log(alpha + beta * squares).sum()) + (d - len(s)) * math.log(alpha)
    energy = beta * residual + alpha * m2
    return (n * math.log(beta) + d * math.log(alpha) - n * math.log(2 * math.pi) - energy - log_det) / (2 * n)


def a_distance(source: Array, target: Array) -> float | None:
    """Return the proxy A-distance 2 (1 - 2 error) of a ridge classifier on held-back rows, 0..2; None without rows."""
    some, others = (rows[:: max(1, len(rows) // MOST)] for rows in (source, target))
    if min(len(some), len(others)) < 10:
        return None
    h = np.vstack([some, others])
    y = np.repeat([0, 1], [len(some), len(others)])
    weight = np.where(y == 0, len(others), len(some)) / len(h)  # both sides count alike, however many rows each has
    out = np.arange(len(h)) % 2 == 0
    weights = _ridge(h[~out], np.where(y[~out, None] == 1, 1.0, -1.0), RIDGE)
    wrong = (_told(h[out], weights)[:, 0] > 0) != (y[out] == 1)
    error = float((wrong * weight[out]).sum() / weight[out].sum())
    return max(0.0, 2 * (1 - 2 * error))


def _source_rows(base: Model) -> Array | None:
    """Return rows drawn around the prototypes that the base keeps of its domain."""
    source = source_of(base)
    rows = draw(source)[0] if source else np.empty(0)
    return rows.astype(np.float64) if len(rows) else None


def _ridge(h: Array, wanted: Array, ridge: float) -> Array:
    """Return (d + 1, outputs) weights; the last row is the intercept."""
    mean = h.mean(axis=0)
    x = np.hstack([h - mean, np.ones((len(h), 1))])
    penalty = ridge * np.eye(x.shape[1])
    penalty[-1, -1] = 1e-6
    weights: Array = np.linalg.solve(x.T @ x + penalty, x.T @ wanted)
    weights[-1] -= mean @ weights[:-1]
    return weights


def _told(h: Array, weights: Array) -> Array:
    found: Array = h @ weights[:-1] + weights[-1]
    return found


def _one_hot(y: NDArray[np.int64], k: int) -> Array:
    found: Array = np.eye(k)[y]
    return found
