"""The search over strategies, its judgement, and what of both goes on record and is read again."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from math import isnan, nan

import numpy as np
import pytest

from lepton.cli.commands.transfer import show_gate
from lepton.core.config.settings import TransferConfig
from lepton.core.decisions.gate import Finding, Verdict, compare
from lepton.operations.transfer.stories import Story
from lepton.operations.transfer.verdict import Retention, TransferVerdict
from lepton.transfer import judgement
from lepton.transfer.attempt import Attempt
from lepton.transfer.candidates import Candidate
from lepton.transfer.judgement import Rivals, judge
from lepton.transfer.planner import Step
from lepton.transfer.search import Found, Ground, InMemory, Place, Plan, Search, ranking_had, search
from tests.unit.factories import base, images
from tests.unit.test_candidates import turned

CONFIG = TransferConfig(strategies=("probe", "residual"), combine=False)


def ground() -> Ground:
    return Ground(base("image"), turned(45, 2), turned(60, 3), CONFIG)


@pytest.fixture(scope="module")
def found() -> Found:
    return search(ground())


def rejudged(found: Found, at: Ground, rivals: Rivals | None = None) -> tuple[str, Verdict, bool]:
    order = [place.label for place in found.ranking]
    rerank = partial(ranking_had, at.config, found.plan, found.attempts)
    judged = judge(at, order, found.candidates, rivals or Rivals(base("image")), rerank)
    return judged.winner, judged.verdict, judged.unchanged


def test_none_is_tried_first_and_what_pays_is_ranked_before_it(found: Found) -> None:
    assert found.attempts[0].label == "none"
    assert found.ranking[0].label != "none"
    assert {place.label for place in found.ranking} == set(found.candidates)
    assert found.seconds == sum(attempt.seconds for attempt in found.attempts)
    assert found.stopped


def test_what_lies_on_the_shelf_is_not_fitted_again(found: Found, monkeypatch: pytest.MonkeyPatch) -> None:
    class Left(InMemory):
        def begin(self, step: Step) -> None:
            raise AssertionError(f"{step.label} was done already")

    shelf = Left()
    shelf.candidates |= found.candidates
    assert Search(ground(), shelf).run(found.plan) == found.attempts


def test_an_orchestrator_sees_every_attempt_by_its_name(found: Found) -> None:
    shelf, names = InMemory(), []
    shelf.candidates |= found.candidates

    def around(name: str, work: object) -> Attempt:
        names.append(name)
        return work()  # type: ignore[operator, no-any-return]

    Search(ground(), shelf).run(found.plan, around)
    assert names == [f"try {attempt.strategy}" for attempt in found.attempts]


def test_attempts_and_the_plan_are_read_from_json_as_they_were_written(found: Found) -> None:
    for attempt in found.attempts:
        assert Attempt.from_json(json.loads(json.dumps(attempt.to_json(), allow_nan=False))) == attempt
    assert Plan.from_json(json.loads(json.dumps(found.plan.to_json(), allow_nan=False))) == found.plan


def test_a_story_of_an_older_lepton_is_read_without_what_it_did_not_write(found: Found) -> None:
    told = {"strategy": "probe", "label": "probe", "metrics": {}, "seconds": 1.0, "measured": {"gain": 2.0, "sd": 1.0}}
    old = {"signals": found.plan.signals.to_json(), "winner": "probe", "candidates": [told]}
    story = Story.from_json(old)
    assert story.attempts[0].measured.gain == 2.0
    assert (story.attempts[0].slowness, story.attempts[0].share, story.attempts[0].accuracy) == (1.0, 1.0, None)
    assert Story.from_json(json.loads(json.dumps(story.to_json()))) == story


def test_enough_held_out_labels_decide(found: Found) -> None:
    winner, verdict, unchanged = rejudged(found, ground())
    assert (winner, verdict.basis, unchanged) == (found.ranking[0].label, "labels", False)
    assert {seen.against for seen in verdict.comparisons} == {"base", "target-only control"}


def test_without_held_out_labels_the_guard_is_asked_and_its_reasons_stand_beside(found: Found) -> None:
    at = ground()
    unlabelled = replace(at, train=at.train.with_labels(np.full(45, None)), held_out=at.held_out.take(np.arange(0)))
    without = {
        name: replace(one, probabilities=one.probabilities[:0], out_of_fold=one.out_of_fold[:0])
        for name, one in found.candidates.items()
    }
    _, verdict, _ = rejudged(replace(found, candidates=without), unlabelled)
    assert not verdict.passed
    assert verdict.reasons[0].startswith("only 0 labelled held-out rows")
    assert len(verdict.reasons) > 1


def test_labels_that_taught_testify_where_few_are_held_out(found: Found) -> None:
    few = {name: replace(one, probabilities=one.probabilities[:5]) for name, one in found.candidates.items()}
    at = replace(ground(), held_out=turned(60, 3).take(np.arange(5)))
    winner, verdict, _ = rejudged(replace(found, candidates=few), at)
    assert (winner, verdict.basis) == (found.ranking[0].label, "labels")
    assert (verdict.rows, verdict.cross_fitted) == (50, 45)
    assert {seen.against for seen in verdict.comparisons} == {"base", "target-only control"}
    assert not verdict.passed or "45 of them cross-fitted" in verdict.summary()
    assert Verdict.from_json(json.loads(json.dumps(verdict.to_json()))) == verdict


def test_a_champion_that_learnt_from_the_rows_decides_nothing_against_the_challenger(
    found: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control is made to err as the challenger does, so that the champion alone is better."""
    monkeypatch.setattr(judgement, "cross_fitted_control", lambda train, *_: np.full(len(train.labelled()), -1))

    def worse(one: Candidate) -> Candidate:
        """Return a candidate that errs on a third of the rows when it has not seen them."""
        answers = one.out_of_fold.copy()
        answers[:15] = np.roll(answers[:15], 1, axis=1)
        return replace(one, probabilities=one.probabilities[:5], out_of_fold=answers)

    few = {
        name: worse(one) if name != "none" else replace(one, probabilities=one.probabilities[:5])
        for name, one in found.candidates.items()
    }
    at = replace(ground(), held_out=turned(60, 3).take(np.arange(5)))
    serving = found.candidates[found.ranking[1].label].model
    _, verdict, _ = rejudged(replace(found, candidates=few), at, Rivals(base("image"), serving))
    assert {seen.against: seen.losses for seen in verdict.comparisons}["champion"] == 15
    assert (verdict.passed, verdict.undecided) == (False, True)  # more labels would decide: it is not shown to be worse


def test_a_winner_that_is_the_very_model_that_serves_changes_nothing(found: Found) -> None:
    serving = found.winner.model
    winner, verdict, unchanged = rejudged(found, ground(), Rivals(base("image"), serving))
    assert unchanged
    assert "champion" not in {seen.against for seen in verdict.comparisons}
    others: dict[str, Candidate] = dict(found.candidates)
    assert others[winner].digest == serving.digest()


def verdict(passed: bool = False) -> TransferVerdict:
    truth, mine, theirs = np.zeros(40, dtype=np.int64), np.zeros(40, dtype=np.int64), np.ones(40, dtype=np.int64)
    inner = Verdict(
        passed,
        () if passed else ("rank: collapsed", "worse than the base"),
        (compare("base", truth, mine, theirs, 0.02),),
        40,
        findings=(Finding("rank", "against", 1.0, nan, "collapsed"), Finding("infomax", "for", 0.5, 0.25)),
    )
    return TransferVerdict(
        inner, "probe", (Place("probe", 1.25, 0.5),), "all tried", False, 40, None, Retention(1, 1, 9)
    )


def test_a_verdict_is_read_from_json_as_it_was_written() -> None:
    again = TransferVerdict.from_json(json.loads(json.dumps(verdict().to_json(), allow_nan=False)))
    assert again.to_json() == verdict().to_json()
    assert isnan(again.verdict.findings[0].beside)
    assert replace(again.verdict, findings=()) == replace(verdict().verdict, findings=())


def test_each_reason_of_a_refusal_is_on_screen_once(capsys: pytest.CaptureFixture[str]) -> None:
    show_gate(verdict())
    said = capsys.readouterr().out
    assert "refused" in said
    assert [said.count(reason) for reason in verdict().verdict.reasons] == [1, 1]
    show_gate(verdict(passed=True))
    assert "passed on 40 rows" in capsys.readouterr().out


def test_rows_of_the_base_itself_need_no_adaptation() -> None:
    at = replace(ground(), train=images(45, seed=2), held_out=images(60, seed=3))
    assert search(at).candidates["none"].metrics["accuracy"] > 0.9
