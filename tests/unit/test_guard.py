"""The guard without labels: what passes, what does not, and that it says why."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from lepton.core.decisions.gate import GatePolicy, judge
from lepton.transfer.guard import Case, Seen, Source, checks, judge_without_labels, validators
from lepton.transfer.guard.agreement import precision_of_changes
from lepton.transfer.guard.apart import separation

K, N, D = 5, 400, 16


def seen(truth, right, seed, sure=0.97):
    """Return a model that is right on that share of the rows, and whose embedding shows what it answers."""
    random = np.random.default_rng(seed)
    answers = np.where(random.random(N) < right, truth, random.integers(0, K, N))
    probabilities = np.full((N, K), (1 - sure) / (K - 1))
    probabilities[np.arange(N), answers] = sure
    return Seen(probabilities, np.eye(K, D)[answers] * 3 + random.normal(0, 0.3, (N, D)))


@pytest.fixture
def truth():
    return np.arange(N) % K


@pytest.fixture
def case(truth):
    """A good candidate: the base is unsure and often wrong, two others that were adapted agree with the candidate."""
    return Case(
        base=seen(truth, 0.6, 1, sure=0.6),
        candidate=seen(truth, 0.95, 2),
        others={"mcc": seen(truth, 0.9, 3).classes, "probe": seen(truth, 0.9, 4).classes},
    )


def test_every_validator_and_check_is_found_by_its_file():
    assert {v.name for v in validators()} == {
        "agreement",
        "estimated accuracy",
        "information",
        "neighbourhood",
        "reverse",
    }
    assert {c.name for c in checks()} == {"class mix", "classes apart", "confident rows", "effective rank"}


def test_a_better_candidate_that_others_agree_with_passes(case):
    verdict = judge_without_labels(case)
    assert verdict.passed, verdict.reasons
    assert verdict.basis == "validators"
    assert "without a test on labels" in verdict.summary()


def test_the_evidence_is_json_without_nan(case):
    value = json.loads(json.dumps(judge_without_labels(case).to_json(), allow_nan=False))
    assert {finding["name"] for finding in value["findings"]} == {j.name for j in (*validators(), *checks())}


def test_a_candidate_with_one_answer_for_everything_is_refused(case):
    one = np.full((N, K), 0.001)
    one[:, 2] = 0.996
    verdict = judge_without_labels(replace(case, candidate=Seen(one, case.candidate.embedding)))
    assert not verdict.passed
    assert any("expected mix of classes" in reason for reason in verdict.reasons)


def test_an_embedding_squeezed_into_one_direction_is_refused(case):
    line = np.outer(np.linspace(-1, 1, N), np.ones(D))
    verdict = judge_without_labels(replace(case, candidate=Seen(case.candidate.answers, line)))
    assert any("directions" in reason for reason in verdict.reasons)


def test_a_candidate_that_others_contradict_is_refused(case, truth):
    turned = (truth + 1) % K  # the same confidence, the same mix, the wrong classes
    verdict = judge_without_labels(replace(case, candidate=seen(turned, 0.95, 2)))
    assert not verdict.passed
    assert any("agreement" in reason for reason in verdict.reasons)


def test_rows_that_the_base_is_sure_of_may_not_change_in_numbers(case, truth):
    sure = replace(case, base=seen(truth, 0.9, 1, sure=0.99), candidate=seen(truth, 0.3, 5))
    assert any("sure of change their class" in reason for reason in judge_without_labels(sure).reasons)


def test_a_base_whose_confidence_a_few_labels_disprove_is_no_measure(case, truth):
    few = truth[:8]
    wrong = (few + 1) % K
    misled = replace(case, base=seen((truth + 2) % K, 0.95, 1, sure=0.99), truth=few, base_on_labelled=wrong)
    findings = {f.name: f for f in judge_without_labels(misled).findings}
    assert findings["confident rows"].says == "abstains"


def test_few_labels_that_prove_a_gain_decide(case, truth):
    few, none = truth[:10], np.zeros(0, dtype=np.int64)
    wrong = (few + 1) % K
    alone = replace(case, others={}, candidate=replace(case.candidate, answers=case.base.answers))
    assert not judge_without_labels(replace(alone, truth=few, base_on_labelled=wrong)).passed
    proven = replace(alone, truth=few, base_on_labelled=wrong, candidate_on_labelled=few)
    assert judge_without_labels(proven).passed
    assert judge_without_labels(replace(case, truth=none)).passed


def test_few_labels_that_speak_against_it_refuse(case, truth):
    few = truth[:10]
    verdict = judge_without_labels(
        replace(case, truth=few, base_on_labelled=few, candidate_on_labelled=(few + 1) % K), against="champion"
    )
    assert not verdict.passed
    assert "worse than the champion on the 10 labels" in verdict.reasons[-1]


def test_too_few_rows_prove_nothing(case):
    small = replace(
        case,
        base=Seen(case.base.answers[:20], case.base.embedding[:20]),
        candidate=Seen(case.candidate.answers[:20], case.candidate.embedding[:20]),
        others={},
    )
    assert "only 20 rows" in judge_without_labels(small).reasons[0]


def test_agreement_by_chance_means_changes_right_by_chance():
    assert precision_of_changes(1.0, 10) == pytest.approx(1.0)
    for right in (0.5, 0.7, 0.9):
        agreement = right**2 + (1 - right) ** 2 / 8
        assert precision_of_changes(agreement, 10) == pytest.approx(right)


def test_the_gate_reports_no_findings_where_labels_decide():
    truth = np.arange(300) % K
    verdict = judge(truth, truth, {"base": (truth + (truth % 3 == 0)) % K}, GatePolicy())
    assert (verdict.basis, verdict.findings, verdict.passed) == ("labels", (), True)


def domain(distance):
    """Two classes of equal share, `distance` standard deviations apart."""
    means = np.array([[0.0, 0.0, 0.0], [distance, 0.0, 0.0]])
    between = np.cov(means.T, bias=True)
    return Source(means, np.eye(3) + between, np.array([0.5, 0.5]))


@pytest.mark.parametrize("distance", [1.0, 2.0, 3.0])
def test_the_separation_of_two_classes_is_that_of_normal_distributions(distance):
    assert separation(domain(distance)) == pytest.approx(norm.cdf(distance / 2), abs=0.03)


def test_a_domain_with_one_class_known_says_nothing():
    one = replace(domain(3.0), prototypes=np.array([[0.0, 0.0, 0.0], [np.nan] * 3]))
    assert separation(one) is None


def test_where_classes_overlap_scores_without_labels_prove_nothing(case):
    assert judge_without_labels(replace(case, separation=0.99)).passed
    refused = judge_without_labels(replace(case, separation=0.95))
    assert not refused.passed
    assert "classes apart: in the base's own domain only 95%" in refused.summary()


def test_a_few_labels_that_prove_a_gain_are_worth_more_than_classes_apart(case, truth):
    labels = {"truth": truth[:40], "base_on_labelled": (truth[:40] + 1) % K, "candidate_on_labelled": truth[:40]}
    assert judge_without_labels(replace(case, separation=0.9, **labels)).passed
