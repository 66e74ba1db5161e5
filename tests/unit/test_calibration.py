"""Thresholds from the reference against itself, and accuracy without labels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance

from lepton.core.splits import split_of
from lepton.core.table import Table
from lepton.monitoring import calibration
from lepton.monitoring.accuracy import UNTRIED, estimate, fit_temperature, mix_ceiling, realised
from lepton.monitoring.answers import Judged, atc_threshold
from lepton.monitoring.aspects import Column
from lepton.monitoring.calibration import calibrate, round_down, statistic
from lepton.monitoring.past import Past


def number(values: np.ndarray, name: str = "inputs: x") -> Column:
    return Column(name, "inputs", "number", values, values)


def category(values: list[str | None], name: str = "inputs: c") -> Column:
    texts = np.array(values, dtype=object)
    return Column(name, "inputs", "category", texts, texts)


def normal_columns(rng: np.random.Generator, rows: int, many: int = 12) -> list[Column]:
    return [number(rng.normal(size=rows), f"inputs: x{k}") for k in range(many)]


def test_the_statistic_of_numbers_is_the_normed_wasserstein_distance_of_the_known_values():
    rng = np.random.default_rng(0)
    values = rng.normal(size=90)
    values[::7] = np.nan
    mask = rng.random(90) < 0.3
    known = ~np.isnan(values)
    old, new = values[known & ~mask], values[known & mask]
    found = statistic(number(values), (~mask[None]).astype(float), mask[None].astype(float))[0]
    assert found == pytest.approx(wasserstein_distance(old, new) / np.std(values[known]))


def test_the_statistic_of_categories_is_the_jensen_shannon_distance():
    values: list[str | None] = ["a"] * 30 + ["b"] * 20 + [None] * 5 + ["c"] * 10
    new = np.zeros((1, 65))
    new[0, [0, 1, 2, 31, 60, 61, 62, 52]] = 1
    found = statistic(category(values), np.ones((1, 65)), new)[0]
    assert found == pytest.approx(jensenshannon([30, 20, 10], [3, 1, 3]))


def test_equal_samples_have_no_distance_at_all():
    ones = np.ones((1, 60))
    assert statistic(category(["a", "b", "c"] * 20), ones, ones)[0] == 0.0


@pytest.mark.parametrize(("size", "expected"), [(1, 1), (99, 99), (125, 120), (2000, 2000), (1999, 1900), (0, 1)])
def test_sizes_of_windows_are_rounded_down_to_two_digits(size, expected):
    assert round_down(size) == expected


def test_thresholds_depend_on_the_seed_and_on_nothing_else():
    columns = normal_columns(np.random.default_rng(0), 300, 4)
    first, second = (calibrate(columns, 100, 0.01, seed=3) for _ in range(2))
    assert first == second
    assert calibrate(columns, 100, 0.01, seed=4) != first


def test_windows_of_nearly_one_size_share_a_calibration_and_smaller_ones_get_higher_thresholds():
    columns = normal_columns(np.random.default_rng(0), 300, 4)
    assert calibrate(columns, 121, 0.01, 0) == calibrate(columns, 128, 0.01, 0)
    small, large = calibrate(columns, 50, 0.01, 0).thresholds, calibrate(columns, 250, 0.01, 0).thresholds
    assert all(small[name] > large[name] for name in small)


def test_a_smaller_rate_and_more_columns_raise_the_thresholds():
    columns = normal_columns(np.random.default_rng(0), 400)
    often, rarely = (calibrate(columns, 100, rate, 0).thresholds["inputs: x0"] for rate in (0.2, 0.01))
    alone = calibrate(columns[:1], 100, 0.2, 0).thresholds["inputs: x0"]
    assert alone < often < rarely


def test_a_calibration_is_computed_once_and_read_from_the_cache_after_that(tmp_path, monkeypatch):
    columns = normal_columns(np.random.default_rng(0), 200, 2)
    first = calibrate(columns, 100, 0.01, 0, tmp_path)
    (stored,) = tmp_path.iterdir()
    monkeypatch.setattr(calibration, "_thresholds", lambda *_: pytest.fail("computed again"))
    assert calibrate(columns, 100, 0.01, 0, tmp_path) == first
    monkeypatch.undo()
    stored.write_text('{"thresholds": {"inp')
    assert calibrate(columns, 100, 0.01, 0, tmp_path) == first
    assert calibrate(normal_columns(np.random.default_rng(1), 200, 2), 100, 0.01, 0, tmp_path) != first
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(("rows", "size"), [(600, 120), (250, 100), (250, 400)])
def test_windows_without_drift_stay_below_the_threshold_and_shifted_ones_exceed_it(rows, size):
    rng = np.random.default_rng(rows + size)
    alarms = windows = 0
    for _ in range(8):
        columns = [*normal_columns(rng, rows, 8), number(rng.lognormal(0, 1.0, rows), "inputs: y")]
        thresholds = calibrate(columns, size, 0.01, 0).thresholds
        for _ in range(12):
            scores = []
            for column in columns:
                draw = rng.lognormal(0, 1.0, size) if column.name == "inputs: y" else rng.normal(size=size)
                distance = wasserstein_distance(column.reference, draw) / np.std(column.reference)
                scores.append(distance / thresholds[column.name])
            alarms += max(scores) >= 1
            windows += 1
        shifted = wasserstein_distance(columns[0].reference, rng.normal(0.8, 1, size)) / np.std(columns[0].reference)
        assert shifted >= thresholds["inputs: x0"]
    assert alarms <= 3, f"{alarms} of {windows}"


def test_a_single_new_value_in_a_constant_column_is_chance_and_many_are_not():
    threshold = calibrate([category(["0"] * 600)], 120, 0.01, 0).thresholds["inputs: c"]

    def distance(strange: int) -> float:
        return float(jensenshannon([1.0, 0.0], [1 - strange / 120, strange / 120]))

    assert distance(1) < threshold < distance(6)


def test_without_columns_there_is_nothing_to_calibrate():
    assert calibrate([], 100, 0.01, 0).thresholds == {}


def answers(rng: np.random.Generator, rows: int, noise: float, prefix: str, classes: int = 5) -> Judged:
    """Return honest answers: the probabilities are the true posteriors, flatter where there is more noise."""
    logits = rng.normal(0, 4 / noise, (rows, classes))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = [str((p_row.cumsum() > u).argmax()) for p_row, u in zip(p, rng.random(rows), strict=True)]
    ids = np.array([f"{prefix}{k}" for k in range(rows)], dtype=object)
    table = Table("image", ids, np.array(truth, dtype=object), images=np.zeros((rows, 1, 1, 1), dtype=np.uint8))
    return Judged(table, p, np.zeros((rows, 2)), tuple("01234"[:classes]))


def test_the_estimate_follows_the_accuracy_down_and_stays_put_without_drift():
    rng = np.random.default_rng(1)
    reference = answers(rng, 1500, 0.5, "r")
    quiet, worse = answers(rng, 600, 0.5, "q"), answers(rng, 600, 2.0, "w")
    calm, fallen = estimate(reference, quiet), estimate(reference, worse)
    assert calm is not None
    assert fallen is not None
    assert calm.method == "atc+confidence"
    assert (calm.accuracy, fallen.accuracy) == (None, fallen.middle)  # a fall is told, what would reassure is not known
    assert abs(calm.expected - calm.middle) < 0.03
    assert fallen.cost > 0.1
    assert realised(worse) < realised(quiet) - 0.1


def test_overconfidence_is_mended_by_the_held_out_rows():
    rng = np.random.default_rng(2)
    honest = answers(rng, 1500, 1.0, "r")
    sharp = honest.probabilities**4
    reference = Judged(honest.table, sharp / sharp.sum(axis=1, keepdims=True), honest.embedding, honest.classes)
    found = estimate(reference, reference.take(np.arange(700)))
    assert found is not None
    assert found.middle == pytest.approx(realised(honest), abs=0.04)
    assert sharp.max(axis=1).mean() > 0
    targets = np.array([int(label) for label in honest.table.labels])
    assert fit_temperature(reference.probabilities, targets) > 2


def test_with_too_few_labels_the_estimate_is_the_mean_confidence_and_says_so():
    rng = np.random.default_rng(3)
    reference = answers(rng, 300, 0.5, "r")
    bare = Judged(reference.table.without_labels(), reference.probabilities, reference.embedding, reference.classes)
    found = estimate(bare, answers(rng, 100, 0.5, "q"))
    assert found is not None
    assert (found.method, found.labelled) == ("confidence", 0)


def labelled(rows: Judged, count: int) -> Judged:
    """The same rows of which only the first few have a label."""
    labels = np.where(np.arange(len(rows)) < count, rows.table.labels, None)
    return Judged(rows.table.with_labels(labels), rows.probabilities, rows.embedding, rows.classes)


def test_confidence_alone_never_says_more_than_was_measured_and_its_error():
    """As on elec2: surer than ever, while few of the answers may be right."""
    rng = np.random.default_rng(8)
    reference = labelled(answers(rng, 800, 3.0, "r"), 300)
    surer = answers(rng, 400, 0.2, "q")
    found = estimate(reference, surer)
    assert found is not None
    assert found.measured is not None
    assert 30 <= found.measured.rows < 100
    assert surer.probabilities.max(axis=1).mean() > 0.9 > found.measured.high
    assert found.middle == pytest.approx(found.measured.high)
    assert found.accuracy is None
    later = estimate(reference, surer, None, Past(best=0.9))
    assert later is not None
    assert later.middle == pytest.approx(0.9)


@pytest.mark.parametrize("labels", [0, 300, 800])
def test_confidence_alone_has_a_wide_interval_and_calls_nothing_harmless(labels):
    rng = np.random.default_rng(9)
    reference = labelled(answers(rng, 800, 0.5, "r"), labels)
    quiet, worse = answers(rng, 400, 0.5, "q"), answers(rng, 400, 3.0, "w")
    calm, fallen = estimate(reference, quiet), estimate(reference, worse)
    assert calm is not None
    assert fallen is not None
    assert calm.accuracy is None
    assert calm.low <= calm.middle - UNTRIED
    assert fallen.accuracy is not None
    assert fallen.low <= realised(worse) <= fallen.high


def test_late_labels_that_caught_confidence_erring_widen_its_interval():
    rng = np.random.default_rng(10)
    reference = labelled(answers(rng, 800, 0.5, "r"), 300)
    window = answers(rng, 400, 0.5, "q")
    calm, wary = estimate(reference, window), estimate(reference, window, None, Past(error=0.3, windows=4))
    assert calm is not None
    assert wary is not None
    assert wary.low < calm.low


def test_rows_that_were_learnt_from_do_not_calibrate():
    reference = answers(np.random.default_rng(4), 400, 0.5, "r")
    held_out = int((split_of(reference.table.ids) == "test").sum())
    by_split = estimate(reference, reference)
    fitted = np.arange(400) < 350
    by_mask = estimate(
        Judged(reference.table, reference.probabilities, reference.embedding, reference.classes, fitted), reference
    )
    assert by_split is not None
    assert by_mask is not None
    assert (by_split.labelled, by_mask.labelled) == (held_out, 50)


def test_a_model_that_is_sure_of_one_class_only_cannot_be_right_more_often_than_that_class_occurs():
    reference = answers(np.random.default_rng(5), 600, 0.5, "r")
    collapsed = np.tile([0.996, 0.001, 0.001, 0.001, 0.001], (200, 1))
    window = Judged(reference.table.take(np.arange(200)), collapsed, reference.embedding[:200], reference.classes)
    found = estimate(reference, window)
    assert found is not None
    assert found.method == "mix"
    assert found.accuracy < 0.45
    assert mix_ceiling(reference.probabilities, reference.probabilities[:200]) == pytest.approx(1.0, abs=0.02)


def test_a_window_without_finite_answers_has_no_estimate():
    reference = answers(np.random.default_rng(6), 100, 0.5, "r")
    empty = Judged(reference.table, np.full((100, 5), np.nan), reference.embedding, reference.classes)
    assert estimate(reference, empty) is None


def test_the_atc_threshold_leaves_as_many_rows_below_as_there_are_wrong_answers():
    scores = np.array([0.9, 0.2, 0.8, 0.5])
    assert atc_threshold(scores, np.array([True, False, True, True])) == 0.5
    assert atc_threshold(scores, np.zeros(4, dtype=bool)) == np.inf
    assert realised(answers(np.random.default_rng(7), 10, 1, "x").take([])) is None
