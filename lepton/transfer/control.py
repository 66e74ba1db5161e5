"""The target-only control: what the target's labels alone are worth, without any base.

The better, by cross-validation on its training rows, of logistic regression and extremely randomised trees (Geurts
et al. 2006) on the prepared rows as plain columns: about the best that a team gets cheaply without a source. A
challenger that is shown to be worse than that suffers from negative transfer, and the gate refuses it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton.core.table import Table
from lepton.models.model import Model
from lepton.transfer.folds import fold_of
from lepton.transfer.strategy import NotEnoughLabels

METHODS = ("logistic 0.01", "logistic 0.1", "logistic 1", "trees 200")
"""Tried in this order, the first of equals is taken: logistic regression by inverse penalty, trees by their number."""
LINEAR = METHODS[:3]


@dataclass(frozen=True)
class Control:
    """The control's answers on the held-out rows."""

    method: str
    probabilities: NDArray[np.float64]
    """(n, k) in the order of the model's classes."""
    cv_accuracy: float | None
    seconds: float


def target_only(
    train: Table, held_out: Table, model: Model, seed: int = 0, methods: Sequence[str] = METHODS
) -> Control:
    """Return what a model of the target's labels alone answers on the held-out rows.

    Args:
        train: Rows to learn from; those without a label are left out.
        held_out: Rows to answer for.
        model: Lends its input preparation and its list of classes; its weights are not used.
        seed: Of folds and trees.
        methods: To choose among.

    Raises:
        NotEnoughLabels: If no row is labelled.
    """
    started = time.perf_counter()
    rows = train.labelled()
    if not len(rows):
        raise NotEnoughLabels.of("target-only control", needed=1, found=0)
    y = model.label_indices(rows.labels)
    x, unseen = (model.inputs.plain(model.inputs.to_tensor(part)) for part in (rows, held_out))
    k = len(model.classes)
    parts, _ = fold_of(y, 3, seed)
    method, accuracy = methods[0], None
    if parts is not None and len(np.unique(y)) > 1:
        accuracies = [_cross_validate(name, x, y, parts, k, seed) for name in methods]
        accuracy = max(accuracies)
        method = methods[accuracies.index(accuracy)]
    return Control(method, _fit_predict(method, x, y, unseen, k, seed), accuracy, time.perf_counter() - started)


def cross_fitted_control(train: Table, model: Model, seed: int = 0) -> NDArray[np.int64]:
    """Return (m,) answers of the control to the labelled rows themselves, each by one that had not seen it.

    Of the methods only the linear ones are asked: where labels are few they are as good, and a fold costs milliseconds.

    Args:
        train: Rows with m labelled ones.
        model: As in `target_only`.
        seed: Of the folds.
    """
    rows = train.labelled()
    answers = np.zeros(len(rows), dtype=np.int64)
    parts, _ = fold_of(model.label_indices(rows.labels), 5, seed)
    if parts is None:
        return answers
    for fold in range(int(parts.max()) + 1):
        out, rest = np.flatnonzero(parts == fold), np.flatnonzero(parts != fold)
        found = target_only(rows.take(rest), rows.take(out), model, seed, LINEAR)
        answers[out] = found.probabilities.argmax(axis=1)
    return answers


def _cross_validate(
    method: str, x: NDArray[np.float64], y: NDArray[np.int64], parts: NDArray[np.int64], k: int, seed: int
) -> float:
    right = np.zeros(len(y), dtype=bool)
    for fold in range(int(parts.max()) + 1):
        out = parts == fold
        right[out] = _fit_predict(method, x[~out], y[~out], x[out], k, seed).argmax(axis=1) == y[out]
    return float(right.mean())


def _fit_predict(
    method: str, x: NDArray[np.float64], y: NDArray[np.int64], new: NDArray[np.float64], k: int, seed: int
) -> NDArray[np.float64]:
    """Return (n, k) probabilities; classes without a training row get zero."""
    probabilities = np.zeros((len(new), k))
    seen = np.unique(y)
    if len(seen) == 1:
        probabilities[:, seen[0]] = 1.0
    elif len(new):
        fitted = _estimator(method, seed).fit(x, y)
        probabilities[:, fitted.classes_] = fitted.predict_proba(new)
    return probabilities


def _estimator(method: str, seed: int) -> Any:
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.linear_model import LogisticRegression

    family, setting = method.split()
    if family == "trees":
        return ExtraTreesClassifier(n_estimators=int(setting), random_state=seed, n_jobs=1)
    return LogisticRegression(C=float(setting), max_iter=2000)
