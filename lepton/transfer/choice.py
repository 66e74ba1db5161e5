"""From candidates to what the planner and the guard look at: measured gains, and cases."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from lepton.models.model import Model
from lepton.transfer.candidates import Candidate
from lepton.transfer.guard import Case, Seen
from lepton.transfer.guard.apart import separation
from lepton.transfer.guard.reverse import source_of

IntArray = NDArray[np.int64]
Answers = NDArray[np.float64]


def measured_gain(candidate: Candidate, unadapted: Candidate, truth: IntArray) -> tuple[float | None, float]:
    """Return the points that a candidate gains on labelled rows new to it, and their deviation.

    The rows are paired, so only those on which the two differ carry doubt; two more are added to them, because none
    that differ among a handful proves little.

    Args:
        candidate: With out-of-fold answers, or without: then nothing was measured.
        unadapted: The strategy `none` on the same rows.
        truth: (m,) the labels, in order.
    """
    if not len(candidate.out_of_fold) or not len(truth):
        return None, 0.0
    return gain_between(candidate.out_of_fold.argmax(axis=1), unadapted.out_of_fold.argmax(axis=1), truth)


def gain_between(answers: IntArray, unadapted: IntArray, truth: IntArray) -> tuple[float, float]:
    """Return the points gained by (m,) answers over those of the un-adapted ancestor, and their deviation."""
    mine, bases = answers == truth, unadapted == truth
    differ = (int((mine != bases).sum()) + 2) / (len(truth) + 4)
    return 100 * float(mine.mean() - bases.mean()), 100 * sqrt(differ / len(truth))


def case_of(
    candidate: Candidate,
    unadapted: Candidate,
    others: Mapping[str, Candidate],
    ancestor: Model,
    labels: IntArray,
    prior: NDArray[np.float64],
    held_out: tuple[IntArray, IntArray, IntArray] | None = None,
    instead_of: Seen | None = None,
) -> Case:
    """Return a candidate against the un-adapted ancestor, or against what serves, on the rows without labels.

    Args:
        candidate: To be judged.
        unadapted: The strategy `none`.
        others: What other strategies came to, by name.
        ancestor: Where all of them started.
        labels: (n,) of the rows to adapt with, -1 where unknown: those with labels taught the candidate, so no score
            may rest on them.
        prior: (k,) expected shares of the classes.
        held_out: (truth, candidate's answers, rival's answers) on labelled held-out rows, if there are a few.
        instead_of: What serves, seen on all n rows, in place of the un-adapted ancestor.
    """
    rows, known = labels < 0, labels >= 0
    known_domain = source_of(ancestor)
    rival = instead_of or Seen(unadapted.answers, unadapted.embedding)
    truth, mine, theirs = (np.empty(0, dtype=np.int64) for _ in range(3))
    if instead_of is None:  # what serves may have learnt from these very rows
        truth, theirs = labels[known], unadapted.out_of_fold.argmax(axis=1)
        mine = candidate.out_of_fold.argmax(axis=1)  # empty if nothing was held back
    if held_out is not None:
        own = (truth, mine, theirs) if len(mine) else (np.empty(0, dtype=np.int64),) * 3
        truth, mine, theirs = (np.concatenate([a, b]) for a, b in zip(own, held_out, strict=True))
    return Case(
        base=Seen(rival.answers[rows], rival.embedding[rows]),
        candidate=Seen(candidate.answers[rows], candidate.embedding[rows]),
        others={name: other.answers[rows].argmax(axis=1) for name, other in independent(candidate, others).items()},
        prior=prior,
        source=known_domain if instead_of is None else None,
        separation=separation(known_domain) if known_domain else None,
        truth=truth,
        base_on_labelled=theirs,
        candidate_on_labelled=mine,
    )


def independent(candidate: Candidate, others: Mapping[str, Candidate]) -> dict[str, Candidate]:
    """Return the others that say something of their own: neither the base again, nor the candidate in another form."""
    own = {candidate.strategy, candidate.strategy.partition(":")[2]}
    return {
        name: other
        for name, other in others.items()
        if name not in ("none", "recalibrate") and not own & {other.strategy, other.strategy.partition(":")[2]} - {""}
    }
