"""Information maximisation: sure of each row, and of many classes over all rows.

The mutual information between rows and answers (Bridle et al. 1991; as a validator: Musgrave et al. 2022).
"""

from __future__ import annotations

import numpy as np

from lepton.transfer.guard.case import Case, FloatArray, Validator


class InformationMaximisation(Validator):
    """Entropy of the mean answer minus mean entropy of the answers, as a share of log k."""

    name = "information"
    slack = 0.02

    def scores(self, case: Case) -> tuple[float, float]:
        """Return mutual information as a share of its largest value."""
        return information(case.candidate.answers), information(case.base.answers)


def information(answers: FloatArray) -> float:
    """Return the mutual information of (n, k) answers as a share of log k."""
    p = np.clip(answers.astype(np.float64), 1e-12, 1)
    mean = p.mean(axis=0)
    each = -(p * np.log(p)).sum(axis=1).mean()
    return float((-(mean * np.log(mean)).sum() - each) / np.log(p.shape[1]))
