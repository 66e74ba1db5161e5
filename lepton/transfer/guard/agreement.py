"""Agreement: models that were adapted in different ways, and change an answer alike, are rarely wrong alike.

After Jiang et al. 2022, "Assessing Generalization of SGD via Disagreement", with strategies in place of seeds. All of
them start from one base, so plain agreement would favour it: most of what they share is what they never changed. Only
rows count on which the candidate *and* another model left the base's answer, and the question is whether they went to
the same class.
"""

from __future__ import annotations

from math import sqrt

import numpy as np

from lepton.core.decisions.gate import Finding, Says
from lepton.transfer.guard.case import Case, Validator

FEWEST = 20
"""Rows that both changed; with fewer there is nothing to compare."""
LIKELY = 0.5
"""Agreement from which the changes speak for the candidate."""
DOUBTFUL = 0.25
"""Agreement below which they speak against it; by chance it would be 1 / (k - 2) or so."""


class Agreement(Validator):
    """Share of rows changed by both on which both give the same class, over all others together."""

    name = "agreement"

    def scores(self, case: Case) -> tuple[float, float] | None:
        """Return the share and what is asked for; None if nobody else changed enough rows."""
        found = agreement_of_changes(case)
        return None if found is None else (found, LIKELY)

    def judge(self, case: Case) -> Finding:
        """Return for from `LIKELY` on, against below `DOUBTFUL`."""
        found = agreement_of_changes(case)
        if found is None:
            return Finding(self.name, "abstains", float("nan"), LIKELY, "nobody else changed enough rows")
        says: Says = "for" if found >= LIKELY else "against" if found < DOUBTFUL else "abstains"
        return Finding(self.name, says, found, LIKELY)


def agreement_of_changes(case: Case) -> float | None:
    """Return the share of rows changed by both on which candidate and others agree; None with fewer than `FEWEST`."""
    changed = case.candidate.classes != case.base.classes
    both = same = 0
    for answers in case.others.values():
        rows = changed & (answers != case.base.classes)
        both += int(rows.sum())
        same += int((answers[rows] == case.candidate.classes[rows]).sum())
    return same / both if both >= FEWEST else None


def precision_of_changes(agreement: float, classes: int) -> float:
    """Return how often a change is right, if two models that are equally good, and wrong at random, agree so often.

    Solves p^2 + (1 - p)^2 / (k - 2) = agreement for the larger root.
    """
    wrong = 1 / max(classes - 2, 1)
    inside = wrong**2 - (1 + wrong) * (wrong - agreement)
    return float(np.clip((wrong + sqrt(max(inside, 0.0))) / (1 + wrong), 0.0, 1.0))
