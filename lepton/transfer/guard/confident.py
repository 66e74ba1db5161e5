"""Collapse, seen where the base is sure: rows that it reads with confidence may not change their class in numbers.

Unless its confidence is undeserved: where a few labels show that the base misreads the rows, it is no measure.
"""

from __future__ import annotations

import numpy as np

from lepton.core.decisions.gate import Finding
from lepton.transfer.guard.case import Case, Check

SURE = 0.95
"""The base's probability from which a row counts."""
LEAST = 0.8
"""Share of these rows that must keep their class."""
UNDESERVED = 0.5
"""Accuracy on the labels, as a share of the base's mean confidence, below which its confidence is no measure."""
FEWEST = 20
"""Rows; with fewer the base is sure of nothing, and this check says nothing."""


class ConfidentRows(Check):
    """Share of the base's confident rows to which the candidate gives the same class."""

    name = "confident rows"

    def judge(self, case: Case) -> Finding:
        """Return whether the candidate keeps what the base is sure of."""
        right = case.base_on_labelled == case.truth
        if len(right) and right.mean() < UNDESERVED * case.base.answers.max(axis=1).mean():
            why = f"of {len(right)} labelled rows the base reads {int(right.sum())}: its confidence is no measure"
            return Finding(self.name, "abstains", float("nan"), LEAST, why)
        sure = case.base.answers.max(axis=1) >= SURE
        if sure.sum() < FEWEST:
            return Finding(self.name, "abstains", float("nan"), LEAST, f"the base is sure of {int(sure.sum())} rows")
        kept = float(np.mean(case.candidate.classes[sure] == case.base.classes[sure]))
        why = "" if kept >= LEAST else f"{1 - kept:.0%} of the rows that the base is sure of change their class"
        return Finding(self.name, "for" if kept >= LEAST else "against", kept, LEAST, why)
