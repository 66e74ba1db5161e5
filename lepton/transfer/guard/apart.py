"""Whether label-free scores mean anything here: they take it that classes are clusters with little between them.

The cluster assumption (Chapelle & Zien 2005): a boundary belongs where there are few rows. Where the classes overlap,
as they do in many tables, the best boundary runs through the densest part; self-training moves it away, grows sure of
its answers, and every label-free score applauds. Whether classes overlap is seen in the base's own domain, where they
are known: with rows drawn around its prototypes, how many are nearest to their own?
"""

from __future__ import annotations

import numpy as np

from lepton.core.decisions.gate import Finding
from lepton.transfer.guard.case import Case, Check, Source
from lepton.transfer.guard.reverse import draw, within_classes

LEAST = 0.98
"""Share of the drawn rows that must be nearest to their own prototype. Bases of four digit collections: 1.00 each.
Tables on which self-training did harm that no score saw: 0.96 and less."""
DRAWN = 2000
RIDGE = 1e-3
"""Of the mean variance, added to every direction."""


class ClassesApart(Check):
    """Share of rows drawn from the base's own domain that linear discriminants tell apart."""

    name = "classes apart"

    def judge(self, case: Case) -> Finding:
        """Return whether the classes are far enough apart for scores that need no label."""
        if case.separation is None:
            return Finding(self.name, "abstains", float("nan"), LEAST, "the base knows nothing of its own domain")
        apart = case.separation >= LEAST
        why = f"in the base's own domain only {case.separation:.0%} of the rows are nearest to their own class: where"
        why += " classes overlap, scores that need no label prove nothing"
        return Finding(self.name, "for" if apart else "against", case.separation, LEAST, "" if apart else why)


def separation(source: Source) -> float | None:
    """Return the share of drawn rows whose linear discriminant picks their own class; None with fewer than two classes.

    Fisher's discriminants (1936): distance to the prototypes under the covariance within classes, and the shares.
    """
    there = np.flatnonzero(~np.isnan(source.prototypes).any(axis=1))
    if len(there) < 2:
        return None
    rows, labels = draw(source, max(DRAWN // len(there), 1))
    means, within = source.prototypes[there].astype(np.float64), within_classes(source)
    within += RIDGE * np.trace(within) / len(within) * np.eye(len(within))
    weights = np.linalg.solve(within, means.T)
    shares = np.log(source.prior[there] / source.prior[there].sum())
    scores = rows @ weights - 0.5 * (means * weights.T).sum(axis=1) + shares
    return float((there[scores.argmax(axis=1)] == labels).mean())
