"""How well probabilities match labels: the same numbers for every candidate, so that they compare."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton.core.errors import LeptonError

BINS = 15
"""Confidence bins of the calibration error (Guo et al. 2017)."""
_TINY = 1e-12


def evaluate(probabilities: NDArray[np.float64], labels: NDArray[np.int64], classes: Sequence[str]) -> dict[str, Any]:
    """Return accuracy, macro precision, recall and F1, calibration error and log-loss over the labelled rows.

    Precision, recall and F1 are means over all classes; a class that is never predicted has precision 0. Where some
    class has no labelled row nothing is known of it, and so not of these means.

    Args:
        probabilities: (n, k), rows sum to 1.
        labels: (n,) positions in `classes`; rows with -1 (unknown) are left out.
        classes: k names.

    Returns:
        `accuracy, precision, recall, f1, ece` in 0..1 (the three means None where a class has no row), `log_loss` in
        nats, `n` rows counted, and `per_class = {name: {"recall": float | None, "n": int}}` (None where the class has
        no row). JSON as it is.

    Raises:
        LeptonError: If no row has a label.
        ValueError: If the shapes do not fit.
    """
    if probabilities.ndim != 2 or probabilities.shape != (len(labels), len(classes)):
        raise ValueError(f"probabilities {probabilities.shape} for {len(labels)} labels and {len(classes)} classes")
    known = labels >= 0
    if not known.any():
        raise LeptonError("There is no labelled row to evaluate on.")
    p, y = probabilities[known].astype(np.float64), labels[known].astype(np.int64)
    predicted = p.argmax(axis=1)
    right = predicted == y
    k = len(classes)
    hits = np.bincount(y[right], minlength=k)
    actual = np.bincount(y, minlength=k)
    claimed = np.bincount(predicted, minlength=k)
    whole = bool(actual.all())
    precision = hits / np.maximum(claimed, 1)
    recall = hits / np.maximum(actual, 1)
    f1 = 2 * hits / np.maximum(actual + claimed, 1)
    return {
        "accuracy": float(right.mean()),
        "precision": float(precision.mean()) if whole else None,
        "recall": float(recall.mean()) if whole else None,
        "f1": float(f1.mean()) if whole else None,
        "ece": calibration_error(p.max(axis=1), right),
        "log_loss": float(-np.log(np.clip(p[np.arange(len(y)), y], _TINY, 1.0)).mean()),
        "n": len(y),
        "per_class": {
            str(name): {"recall": float(recall[c]) if actual[c] else None, "n": int(actual[c])}
            for c, name in enumerate(classes)
        },
    }


def unjudged(metrics: Mapping[str, Any]) -> list[str]:
    """Return the classes that no row of an evaluation has: how well they are told apart is not known."""
    return [name for name, found in metrics.get("per_class", {}).items() if not found["n"]]


def calibration_error(confidence: NDArray[np.float64], right: NDArray[np.bool_], bins: int = BINS) -> float:
    """Return the expected calibration error: mean |confidence - accuracy| over bins of equal width, by their rows.

    Args:
        confidence: (n,) probability of the predicted class.
        right: (n,) whether it was right.
        bins: How many bins the range 0..1 is cut into.
    """
    if not len(confidence):
        return 0.0
    place = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    weight = np.bincount(place, minlength=bins)
    gap = np.bincount(place, weights=confidence, minlength=bins) - np.bincount(place, weights=right, minlength=bins)
    return float(np.abs(gap)[weight > 0].sum() / len(confidence))


def wilson(share: float, rows: int, z: float) -> tuple[float, float]:
    """Return the ends of Wilson's (1927) interval of a share, which holds its level with few rows and near 0 and 1.

    Args:
        share: Of the rows, 0..1.
        rows: How many were counted.
        z: Standard deviations that the interval reaches: 1.645 for 90 %.
    """
    middle = (share + z * z / (2 * rows)) / (1 + z * z / rows)
    half = z / (1 + z * z / rows) * math.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    return max(0.0, middle - half), min(1.0, middle + half)
