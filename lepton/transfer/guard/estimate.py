"""Estimated accuracy: the base's, plus what the candidate's changes are worth.

The base's is its mean confidence, calibrated on its own domain. Of the candidate's changes, the share that is right
follows from how often independently adapted models made the same one; a change that is right repairs a row at best, and
one that is wrong breaks one at worst.
"""

from __future__ import annotations

from lepton.transfer.guard.agreement import agreement_of_changes, precision_of_changes
from lepton.transfer.guard.case import Case, Validator


class EstimatedAccuracy(Validator):
    """Estimated accuracy of candidate and base."""

    name = "estimated accuracy"
    slack = 0.02

    def scores(self, case: Case) -> tuple[float, float] | None:
        """Return both estimates; None if nobody else changed enough rows to say how good the changes are."""
        agreement = agreement_of_changes(case)
        if agreement is None:
            return None
        base = float(case.base.answers.max(axis=1).mean())
        changed = float((case.candidate.classes != case.base.classes).mean())
        right = precision_of_changes(agreement, case.base.answers.shape[1])
        return min(base + changed * (2 * right - 1), 1.0), base
