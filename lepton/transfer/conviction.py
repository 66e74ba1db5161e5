"""What is believed of a winner: its strategy's record, what label-free scores say, and labels that taught nobody."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lepton.core.decisions.belief import Belief, Paired, Piece, believe
from lepton.core.decisions.gate import CHAMPION, Finding, Verdict
from lepton.models.model import Model
from lepton.transfer.bandit import remaining_error
from lepton.transfer.candidates import Candidate
from lepton.transfer.judgement import BASE, Rivals
from lepton.transfer.prior import LABELS
from lepton.transfer.search import Ground, Plan
from lepton.transfer.signals import Signals

FEW_VOTES = 3
"""Scores that speak for a candidate less those against it: below it they warned, on record, and else said nothing."""
WARNED = (-0.16, -0.42, -0.31, -0.1)
"""Share of the base's error that a candidate of few votes removed beyond its strategy's mean, by labels a class (0, 1,
5, 20): means over 588 recorded fits to tables (`benchmarks/results/table_runs.jsonl`). Without labels there are four
such fits, and of all others scores told nothing."""
SPOKEN_FOR = (0.0, 0.12, 0.06, 0.01)
"""The same of the others."""


def belief_in(candidate: Candidate, plan: Plan, verdict: Verdict, ground: Ground, rivals: Rivals) -> Belief | None:
    """Return what is known of a candidate against what serves, or against the base; None if it is that model itself.

    Args:
        candidate: What is put forward.
        plan: With what each strategy promised, by prior and record, before anything was measured here.
        verdict: On the candidate; its comparisons tell of labelled rows, its findings of scores.
        ground: What the search worked on.
        rivals: What serves, and the base.
    """
    against, rival = _standard(rivals)
    if rival.digest() == candidate.digest:
        return None
    strategy = candidate.strategy.split(":")[-1]  # an ensemble promises what its members do
    step = next((step for step in plan.steps if step.strategy == strategy), None)
    if step is None:
        return None
    if against == BASE:
        record = (step.gain, step.sd, f"what {strategy} gained on record")
    else:  # nothing on record says that the next adaptation beats the last one
        record = (0.0, step.sd, "the record, which knows of no gain over a champion")
    scores = _scores(verdict.findings, plan.signals)
    return believe(against, record, scores, _paired(candidate, verdict, ground, against, rival))


def _standard(rivals: Rivals) -> tuple[str, Model]:
    """Return name and model of what would be replaced."""
    champion = rivals.champion
    if champion is None or champion.digest() == rivals.base.digest():
        return BASE, rivals.base
    return CHAMPION, champion


def _scores(findings: Sequence[Finding], signals: Signals) -> tuple[Piece, ...]:
    """Return what the scores are worth: nothing is on record of other rows than tables."""
    said = {finding.name: finding.says for finding in reversed(findings)}  # each was asked about every rival
    if not said or signals.kind != "tabular":
        return ()
    votes = sum(says == "for" for says in said.values()) - sum(says == "against" for says in said.values())
    shares = WARNED if votes < FEW_VOTES else SPOKEN_FOR
    share = float(np.interp(np.log1p(signals.per_class), np.log1p(LABELS), shares))
    return (Piece("scores", 100 * remaining_error(signals) * share, f"{len(said)} scores that need no label"),)


def _paired(candidate: Candidate, verdict: Verdict, ground: Ground, against: str, rival: Model) -> Paired | None:
    """Return wins and losses on labelled rows: those that the verdict rests on, else what few are held out."""
    if (found := next((one for one in verdict.comparisons if one.against == against), None)) is not None:
        return Paired(found.wins, found.losses, found.rows)
    held_out = ground.held_out
    if not len(held_out):
        return None
    truth = ground.ancestor.label_indices(held_out.labels)
    right = candidate.probabilities.argmax(axis=1) == truth
    theirs = rival.predict_proba(held_out).argmax(axis=1) == truth
    return Paired(int(np.sum(right & ~theirs)), int(np.sum(~right & theirs)), len(truth))
