"""Which candidate is put forward, and whether it may serve: by a test on labels, or by what needs none. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from lepton.core.decisions.gate import CHAMPION, GatePolicy, Verdict, compare
from lepton.core.decisions.gate import judge as judge_answers
from lepton.models.model import Model
from lepton.transfer.candidates import Candidate
from lepton.transfer.choice import IntArray, case_of
from lepton.transfer.control import LINEAR, cross_fitted_control, target_only
from lepton.transfer.crossfit import FEWEST, Rerank, Z, cross_fit
from lepton.transfer.guard import PUT_FORWARD, Case, Seen, judge_without_labels
from lepton.transfer.label_shift import plausible_prior
from lepton.transfer.search import Ground

BASE = "base"
"""Name of the rival that is always there: the un-adapted base."""
CONTROL = "target-only control"


@dataclass(frozen=True)
class Rivals:
    """What a winner must not be worse than."""

    base: Model
    """What the source serves, un-adapted."""
    champion: Model | None = None
    """What serves the target now; None if nothing does, or if it is recalled: that sets no standard."""

    def by_name(self) -> dict[str, Model]:
        """Return them under the names that reasons call them by."""
        return {BASE: self.base, **({CHAMPION: self.champion} if self.champion is not None else {})}


@dataclass(frozen=True)
class Judgement:
    """What is put forward, and what was decided about it."""

    winner: str
    """Label of the candidate."""
    verdict: Verdict
    control: str | None
    """Method of the target-only control; None if there was none."""
    unchanged: bool
    """Whether the winner is the very model that serves."""
    useless: bool
    """Whether labels show the un-adapted base to be worse than always naming their most frequent class."""


def judge(
    ground: Ground,
    ranking: Sequence[str],
    candidates: Mapping[str, Candidate],
    rivals: Rivals,
    rerank: Rerank | None = None,
) -> Judgement:
    """Judge the first of a ranking on the held-out rows; where these are too few, on all labels, or without any.

    Where few rows are held out, those to adapt with testify, too, cross-fitted; where all of them together decide
    nothing, the guard that needs no labels is asked about the first few.

    Args:
        ground: What the search worked on; its held-out rows chose nothing.
        ranking: Labels, best first.
        candidates: All that was tried, by label; `none` among them.
        rivals: What the winner must not be worse than.
        rerank: The ranking, had the candidates been measured otherwise; without it the rows to adapt with do not
            testify.
    """
    winner = ranking[0]
    verdict, control = _by_labels(ground, candidates[winner], rivals)
    if verdict.undecided:
        fitted = _by_cross_fitting(ground, ranking, candidates, rivals, rerank) if rerank else None
        ask = partial(_by_validators, ground, candidates=candidates, rivals=rivals)
        winner, verdict = without_held_out(ranking, verdict, fitted, ask)
    serving = rivals.champion.digest() if rivals.champion is not None else None
    unchanged = candidates[winner].digest == serving
    return Judgement(winner, verdict, control, unchanged, _is_useless(ground, rivals.base))


def without_held_out(
    ranking: Sequence[str],
    verdict: Verdict,
    fitted: tuple[str, Verdict] | None,
    ask: Callable[[Sequence[str]], tuple[str, Verdict] | None],
) -> tuple[str, Verdict]:
    """Return what is put forward, and its verdict, where the held-out rows alone decide nothing.

    A candidate that taught itself on all rows has no cross-fitted answers, so these speak of a lesser one. If they let
    that pass, the guard is asked about those above it first: to take it at once cost an eighth of the gain of 48
    transfers between digits.

    Args:
        ranking: Labels, best first.
        verdict: On the first by the held-out rows, undecided.
        fitted: What cross-fitted answers speak of, and their verdict; None if there are none.
        ask: Puts candidates, best first, to the guard; returns the first that passes, else the first with why not.
    """
    winner = ranking[0]
    if fitted is not None and fitted[0] == winner:
        verdict, fitted = fitted[1], None
    if fitted is None or fitted[1].undecided:
        return _both(winner, verdict, ask(ranking) if verdict.undecided else None)
    above = ask(ranking[: ranking.index(fitted[0])]) if fitted[1].passed else None
    return above if above is not None and above[1].passed else fitted


def _is_useless(ground: Ground, base: Model) -> bool:
    """Return whether the labels that there are show a base to be worse than a constant answer."""
    rows = [table for table in (ground.train.labelled(), ground.held_out) if len(table)]
    if not rows:
        return False
    truth = np.concatenate([base.label_indices(table.labels) for table in rows])
    answers = np.concatenate([base.predict_proba(table).argmax(axis=1) for table in rows])
    constant = np.full(len(truth), np.bincount(truth).argmax())
    return not compare("constant", truth, answers, constant).passed


def _by_labels(ground: Ground, winner: Candidate, rivals: Rivals) -> tuple[Verdict, str | None]:
    """Return the paired test on the held-out rows, and the method of the target-only control."""
    held_out, base = ground.held_out, rivals.base
    truth = ground.ancestor.label_indices(held_out.labels)
    # What is the very same model needs no test: it cannot be worse than itself.
    others = {name: model for name, model in rivals.by_name().items() if model.digest() != winner.digest}
    control, controls, replies = None, {}, {}
    if len(truth):
        replies = {name: model.predict_proba(held_out).argmax(axis=1) for name, model in others.items()}
    if len(truth) and len(ground.train.labelled()):
        control = target_only(ground.train, held_out, base, seed=ground.seed)
        controls = {CONTROL: control.probabilities.argmax(axis=1)}
    verdict = judge_answers(
        truth,
        winner.probabilities.argmax(axis=1),
        replies,
        GatePolicy(margin=ground.config.margin, min_rows=ground.config.min_held_out),
        controls=controls,
        classes=ground.ancestor.classes,
        size_ratio=winner.size / base.size,
    )
    return verdict, control.method if control else None


def _by_cross_fitting(
    ground: Ground, ranking: Sequence[str], candidates: Mapping[str, Candidate], rivals: Rivals, rerank: Rerank
) -> tuple[str, Verdict] | None:
    """Return the best candidate that has answers out of fold, and the paired test on these and the held-out rows.

    What serves may have learnt from the rows to adapt with: its answers to them are too good, so being beaten by them
    decides nothing, and beating them is more than is asked. None if nothing was held back from any candidate.
    """
    train, held_out, base = ground.train.labelled(), ground.held_out, rivals.base
    truth = ground.ancestor.label_indices(train.labels)
    out_of_fold = {label: candidate.out_of_fold for label, candidate in candidates.items()}
    found = cross_fit(ranking, out_of_fold, truth, rerank, ground.seed)
    if found is None:
        return None
    winner = candidates[found.label]
    others = {name: model for name, model in rivals.by_name().items() if model.digest() != winner.digest}

    def on_all(fitted: IntArray, unseen: NDArray[np.float64]) -> IntArray:
        return np.concatenate([fitted, unseen.argmax(axis=1)])

    control = target_only(ground.train, held_out, base, ground.seed, LINEAR).probabilities
    verdict = judge_answers(
        np.concatenate([truth, ground.ancestor.label_indices(held_out.labels)]),
        on_all(found.answers, winner.probabilities),
        {
            name: on_all(model.predict_proba(train).argmax(axis=1), model.predict_proba(held_out))
            for name, model in others.items()
        },
        GatePolicy(margin=ground.config.margin, min_rows=FEWEST, z=Z),
        controls={CONTROL: on_all(cross_fitted_control(ground.train, base, ground.seed), control)},
        classes=ground.ancestor.classes,
        size_ratio=winner.size / base.size,
    )
    verdict = replace(verdict, cross_fitted=len(truth))
    failed = {one.against for one in verdict.comparisons if not one.passed}
    return found.label, replace(verdict, undecided=True) if failed == {CHAMPION} else verdict


def _by_validators(
    ground: Ground, ranking: Sequence[str], *, candidates: Mapping[str, Candidate], rivals: Rivals
) -> tuple[str, Verdict] | None:
    """Return the first of the best candidates that the guard lets pass, else the best with why it was refused.

    None if there is nothing to ask it about. A model that is the very same as all its rivals is no worse than they are;
    but whether the un-adapted base reads this domain at all, nothing but labels shows.
    """
    cases = _Cases(ground, candidates, rivals)
    first: tuple[str, Verdict] | None = None
    for name in ranking[:PUT_FORWARD]:
        against = [rival for rival, model in rivals.by_name().items() if model.digest() != candidates[name].digest]
        if not against:
            continue
        verdict = together({rival: judge_without_labels(cases.of(name, rival), against=rival) for rival in against})
        first = first or (name, verdict)
        if verdict.passed:
            return name, verdict
    return first


class _Cases:
    """Candidates against rivals as the guard looks at them; what each rival answers is asked once."""

    def __init__(self, ground: Ground, candidates: Mapping[str, Candidate], rivals: Rivals) -> None:
        ancestor = ground.ancestor
        self.ground, self.candidates, self.models = ground, candidates, rivals.by_name()
        self.prior = plausible_prior(ancestor, ancestor.features(ground.train)).numpy()
        self.labels = ancestor.label_indices(ground.train.labels)
        self.truth = ancestor.label_indices(ground.held_out.labels)
        self._told: dict[str, IntArray] = {}
        self._seen: dict[str, Seen] = {}

    def of(self, name: str, rival: str) -> Case:
        """Return the case of a candidate against a rival."""
        candidate = self.candidates[name]
        # Out-of-fold answers may be held against the ancestor alone: a champion may have learnt from these rows.
        from_base = self.models[rival] is self.ground.ancestor and rival == BASE
        return case_of(
            candidate,
            self.candidates["none"],
            {label: other for label, other in self.candidates.items() if label != name},
            self.ground.ancestor,
            self.labels,
            self.prior,
            held_out=(self.truth, candidate.probabilities.argmax(axis=1), self._answers(rival)),
            instead_of=None if from_base else self._view(rival),
        )

    def _answers(self, rival: str) -> IntArray:
        """Return (n,) a rival's answers on the held-out rows."""
        if rival not in self._told:
            self._told[rival] = self.models[rival].predict_proba(self.ground.held_out).argmax(axis=1)
        return self._told[rival]

    def _view(self, rival: str) -> Seen:
        """Return a rival's answers to, and embeddings of, the rows to adapt to."""
        if rival not in self._seen:
            model, train = self.models[rival], self.ground.train
            self._seen[rival] = Seen(model.predict_proba(train), model.embed(train))
        return self._seen[rival]


def _both(winner: str, verdict: Verdict, guarded: tuple[str, Verdict] | None) -> tuple[str, Verdict]:
    """Return the guard's word if a candidate passes, else the refusal for want of labels and what the guard adds."""
    if guarded is None:
        return winner, verdict
    name, found = guarded
    if found.passed:
        return name, found
    if name != winner:
        return winner, verdict
    return winner, replace(verdict, reasons=(*verdict.reasons, *found.reasons), findings=found.findings)


def together(verdicts: Mapping[str, Verdict]) -> Verdict:
    """Return one verdict of those against each rival: passed if all are. A reason says which rival it holds for."""
    first, *others = verdicts.values()
    everywhere = {reason for reason in first.reasons if all(reason in other.reasons for other in others)}
    reasons = {
        reason if reason in everywhere or against in reason else f"{reason} (against the {against})": None
        for against, verdict in verdicts.items()
        for reason in verdict.reasons
    }
    return replace(
        first,
        passed=all(verdict.passed for verdict in verdicts.values()),
        reasons=tuple(reasons),
        comparisons=tuple(c for verdict in verdicts.values() for c in verdict.comparisons),
        findings=tuple(f for verdict in verdicts.values() for f in verdict.findings),
    )
