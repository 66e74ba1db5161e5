"""Soft neighbourhood density: rows with alike answers lie close together, and each has many such neighbours.

Saito et al. 2021, "Tune it the Right Way": the entropy of each row's similarities to the others, of answers, softened.
"""

from __future__ import annotations

import numpy as np

from lepton.transfer.guard.case import Case, FloatArray, Validator

SHARPNESS = 0.05
"""The paper's temperature."""
MOST = 1000
"""Rows compared with each other."""


class Neighbourhood(Validator):
    """Mean entropy of the similarities, as a share of log n."""

    name = "neighbourhood"
    slack = 0.02

    def scores(self, case: Case) -> tuple[float, float]:
        """Return the density as a share of its largest value."""
        return density(case.candidate.answers), density(case.base.answers)


def density(answers: FloatArray) -> float:
    """Return the soft neighbourhood density of (n, k) answers as a share of log n."""
    p = answers[:MOST].astype(np.float64)
    p = p / np.linalg.norm(p, axis=1, keepdims=True).clip(1e-12)
    similar = p @ p.T / SHARPNESS
    np.fill_diagonal(similar, -np.inf)
    similar = np.exp(similar - similar.max(axis=1, keepdims=True))
    similar /= similar.sum(axis=1, keepdims=True)
    entropy = -(similar * np.log(similar.clip(1e-300))).sum(axis=1)
    return float(entropy.mean() / np.log(max(len(p) - 1, 2)))
