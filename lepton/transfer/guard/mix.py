"""Collapse, seen in the answers: classes that vanish, or one that swallows the others."""

from __future__ import annotations

import numpy as np

from lepton.core.decisions.gate import Finding
from lepton.transfer.guard.case import Case, Check

MOST_EXTRA = 0.10
"""How much farther from the expected shares than the base's the candidate's answers may lie, as total variation."""
MOST = 0.25
"""Distance up to which nothing is said, whatever the base's."""


class ClassMix(Check):
    """Total variation between the mix of answers and the expected shares of the target's classes."""

    name = "class mix"

    def judge(self, case: Case) -> Finding:
        """Return whether the candidate's answers are as plausible a mix as the base's."""
        expected, k = case.expected_shares(), case.base.answers.shape[1]
        mine, bases = (
            float(np.abs(np.bincount(seen.classes, minlength=k) / len(seen.classes) - expected).sum() / 2)
            for seen in (case.candidate, case.base)
        )
        limit = max(MOST, bases + MOST_EXTRA) if bases < MOST else bases
        why = "" if mine <= limit else f"answers are {mine:.2f} away from the expected mix of classes"
        return Finding(self.name, "for" if mine <= limit else "against", mine, limit, why)
