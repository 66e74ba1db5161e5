"""The target-only control: what the target's labels alone are worth to the same kind of head, without any base.

Multinomial logistic regression on the prepared rows, its penalty chosen by cross-validation. It is the linear head that
every model here ends in, fed with rows instead of a pretrained embedding, so that one thing only differs from the
challenger: the source. A challenger that does not match it suffers from negative transfer. A model of another family
(a forest, say) may read a table better still; that is a question for a benchmark, not for the gate.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch.nn import functional as F

from lepton.core.table import Table
from lepton.models.model import Model
from lepton.transfer.folds import fold_of
from lepton.transfer.strategy import NotEnoughLabels

STRENGTHS = (0.01, 0.1, 1.0)
"""Inverse penalties tried, strongest penalty first."""
SMALL_SIDE = 14
"""Images are pooled to at most this side: a hundred labels do not feed more pixels."""


@dataclass(frozen=True)
class Control:
    """The control's answers on the held-out rows."""

    method: str
    probabilities: NDArray[np.float64]
    """(n, k) in the order of the model's classes."""
    cv_accuracy: float | None
    seconds: float


def target_only(train: Table, held_out: Table, model: Model, seed: int = 0) -> Control:
    """Return what a model of the target's labels alone answers on the held-out rows.

    Args:
        train: Rows to learn from; those without a label are left out.
        held_out: Rows to answer for.
        model: Lends its input preparation and its list of classes; its weights are not used.
        seed: Of the folds.

    Raises:
        NotEnoughLabels: If no row is labelled.
    """
    started = time.perf_counter()
    rows = train.labelled()
    if not len(rows):
        raise NotEnoughLabels.of("target-only control", needed=1, found=0)
    y = model.label_indices(rows.labels)
    x, unseen = _prepare(model, rows), _prepare(model, held_out)
    k = len(model.classes)
    parts, _ = fold_of(y, 3, seed)
    strength, accuracy = STRENGTHS[0], None
    if parts is not None and len(np.unique(y)) > 1:
        accuracies = [_cross_validate(c, x, y, parts, k) for c in STRENGTHS]
        accuracy = max(accuracies)
        strength = STRENGTHS[accuracies.index(accuracy)]  # the first of equals: the simplest
    return Control(
        f"logistic regression, C={strength}",
        _fit_predict(strength, x, y, unseen, k),
        accuracy,
        time.perf_counter() - started,
    )


def _prepare(model: Model, table: Table) -> NDArray[np.float64]:
    """Return (n, columns) of prepared rows, images pooled to a few pixels."""
    x = model.inputs.to_tensor(table)
    if x.ndim == 4 and x.shape[-1] > SMALL_SIDE:
        x = F.adaptive_avg_pool2d(x, SMALL_SIDE)
    flat: NDArray[np.float64] = x.flatten(1).double().numpy()
    return flat


def _cross_validate(
    strength: float, x: NDArray[np.float64], y: NDArray[np.int64], parts: NDArray[np.int64], k: int
) -> float:
    right = np.zeros(len(y), dtype=bool)
    for fold in range(int(parts.max()) + 1):
        out = parts == fold
        right[out] = _fit_predict(strength, x[~out], y[~out], x[out], k).argmax(axis=1) == y[out]
    return float(right.mean())


def _fit_predict(
    strength: float, x: NDArray[np.float64], y: NDArray[np.int64], new: NDArray[np.float64], k: int
) -> NDArray[np.float64]:
    """Return (n, k) probabilities; classes without a training row get zero."""
    from sklearn.linear_model import LogisticRegression

    probabilities = np.zeros((len(new), k))
    seen = np.unique(y)
    if len(seen) == 1:
        probabilities[:, seen[0]] = 1.0
    elif len(new):
        fitted = LogisticRegression(C=strength, max_iter=2000).fit(x, y)
        probabilities[:, fitted.classes_] = fitted.predict_proba(new)
    return probabilities
