"""Candidates, their choice, the plan, the ancestor and the control."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from lepton.core.errors import LeptonError, NotFound
from lepton.models.device import repeatable
from lepton.models.features import FeatureCache
from lepton.operations.transfer.rows import rows_of_transfer
from lepton.transfer import NotEnoughLabels, TargetData, get_strategy
from lepton.transfer.ancestors import choose_ancestor
from lepton.transfer.candidates import Candidate, try_strategy
from lepton.transfer.choice import measured_gain
from lepton.transfer.control import target_only
from lepton.transfer.folds import fold_of
from tests.unit.factories import base, damage, images, names, rows


def turned(n, seed):
    """Rows whose classes are called otherwise than the base learnt: un-adapted, every answer is wrong."""
    table = images(n, seed=seed)
    return table.with_labels(names([f"c{(int(label[1]) + 1) % 3}" for label in table.labels]))


@pytest.fixture(scope="module")
def candidates():
    train, held_out = turned(45, 2), turned(30, 3)
    return {
        name: try_strategy(name, base("image"), train, held_out) for name in ("none", "probe", "residual", "finetune")
    }


def test_a_candidate_is_a_json_object_with_its_costs(candidates):
    for name, candidate in candidates.items():
        value = json.loads(json.dumps(candidate.to_json(), allow_nan=False))
        assert value["strategy"] == name
        assert value["labels"] == 45
        assert value["seconds"] > 0
        assert value["size"] > 0
        assert value["metrics"]["n"] == 30
        assert value["cv"]["accuracy"] is not None


def test_a_candidate_survives_the_disk(candidates, tmp_path):
    one = candidates["residual"]
    again = Candidate.load(one.save(tmp_path / "c"))
    assert again.to_json() == one.to_json() | {"seconds": again.seconds}
    np.testing.assert_array_equal(again.probabilities, one.probabilities)
    np.testing.assert_array_equal(again.model.predict_proba(turned(30, 3)), one.model.predict_proba(turned(30, 3)))


@pytest.mark.parametrize("name", ["candidate.json", "predictions.safetensors"])
def test_a_candidate_with_a_part_missing_or_cut_is_refused(candidates, tmp_path, name):
    folder = candidates["probe"].save(tmp_path / "c")
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(LeptonError, match="damaged"):
        Candidate.load(folder)
    (folder / name).unlink()
    with pytest.raises(NotFound, match="not a candidate"):
        Candidate.load(folder)


def test_the_same_seed_gives_the_same_candidate(candidates):
    again = try_strategy("finetune", base("image"), turned(45, 2), turned(30, 3))
    assert again.model.digest() == candidates["finetune"].model.digest()
    np.testing.assert_array_equal(again.probabilities, candidates["finetune"].probabilities)


def test_adapted_candidates_beat_the_unadapted_and_the_gain_is_measured_out_of_fold(candidates):
    assert candidates["none"].metrics["accuracy"] < 0.5
    truth = base("image").label_indices(turned(45, 2).labels)
    for name in ("probe", "residual", "finetune"):
        assert candidates[name].metrics["accuracy"] > 0.9
        gain, sd = measured_gain(candidates[name], candidates["none"], truth)
        assert gain > 3 * sd > 0
    assert measured_gain(candidates["none"], candidates["none"], truth)[0] == 0


def test_without_cross_validation_nothing_is_measured_and_the_weights_are_the_same(candidates):
    bare = try_strategy("probe", base("image"), turned(45, 2), turned(30, 3), validate=False)
    assert (bare.cv.accuracy, len(bare.out_of_fold), bare.validated) == (None, 0, False)
    assert bare.model.digest(("encoder", "head")) != candidates["probe"].model.digest(
        ("encoder", "head")
    )  # temperature
    np.testing.assert_array_equal(bare.model.head.weight.detach(), candidates["probe"].model.head.weight.detach())
    assert measured_gain(bare, candidates["none"], np.zeros(45, dtype=np.int64)) == (None, 0.0)


def test_a_dear_strategy_is_not_cross_validated_on_a_handful_of_labels():
    table = turned(12, 2)
    few = table.with_labels(names([*table.labels[:4], *[None] * 8]))
    candidate = try_strategy("finetune", base("image"), few, turned(6, 3))
    assert candidate.cv.folds == 0
    assert "4 labels of 3 classes" in candidate.cv.note


def test_none_keeps_the_temperature_of_the_base(candidates):
    assert candidates["none"].model.digest() == base("image").digest()


def test_the_choice_ignores_the_held_out_rows(candidates):
    one = candidates["probe"]
    train, wrong = turned(45, 2), images(30, seed=3)
    other = try_strategy("probe", base("image"), train, wrong)
    assert other.cv == one.cv
    assert other.model.digest() == one.model.digest()
    assert other.held_out != one.held_out


def test_held_out_rows_without_labels_give_probabilities_and_no_metrics():
    candidate = try_strategy("probe", base("image"), turned(12, 2), turned(6, 3).without_labels())
    assert candidate.metrics == {}
    assert candidate.probabilities.shape == (6, 3)


def test_one_label_in_total_says_why_nothing_was_cross_validated():
    table = turned(6, 2)
    one = table.with_labels(names([table.labels[0]] + [None] * 5))
    candidate = try_strategy("probe", base("image"), one, turned(6, 3))
    assert (candidate.cv.accuracy, candidate.cv.folds) == (None, 0)
    assert "1 labelled row" in candidate.cv.note
    assert candidate.model.temperature == base("image").temperature


def test_cached_features_change_nothing(tmp_path, candidates):
    cache = FeatureCache(tmp_path / "cache")
    for _ in range(2):
        again = try_strategy("probe", base("image"), turned(45, 2), turned(30, 3), cache=cache)
        assert again.model.digest() == candidates["probe"].model.digest()
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_folds_are_of_equal_size_and_stratified():
    labels = np.repeat([0, 1, 2], [10, 10, 3])
    parts, note = fold_of(labels, 5, seed=0)
    assert note == ""
    assert np.ptp(np.bincount(parts)) <= 1
    assert (np.bincount(parts[labels == 0]) == 2).all()


def test_fewer_labels_than_folds_give_fewer_folds_and_say_so():
    parts, note = fold_of(np.array([0, 1, 1]), 5, seed=0)
    assert sorted(parts) == [0, 1, 2]
    assert "3 folds instead of 5" in note


def test_what_was_not_cross_validated_keeps_the_temperature_that_it_found(candidates):
    table = turned(30, 2).without_labels()
    found = try_strategy("prototype", base("image"), table, turned(6, 3))
    with repeatable(1):
        alone = get_strategy("prototype").adapt(base("image"), TargetData.of(base("image"), table), 0)
    assert found.model.temperature == alone.temperature != base("image").temperature


def test_an_adapted_model_knows_the_target_and_no_adaptation_leaves_what_was_known(candidates):
    known = base("image").statistics
    assert candidates["none"].model.statistics is known
    adapted = candidates["residual"].model.statistics
    assert int(adapted.rows) == 45
    expected = candidates["residual"].model.features(turned(45, 2)).mean(dim=0)
    torch.testing.assert_close(adapted.mean, expected, rtol=1e-4, atol=1e-4)


def test_rows_that_teach_without_their_labels_are_on_record_under_a_use_of_their_own():
    table = turned(6, 2)
    train = table.with_labels(names([*table.labels[:4], None, None]))
    probe, shot = (rows_of_transfer(train, turned(3, 3), name) for name in ("probe", "shot"))
    assert "unlabelled" not in probe
    assert shot["unlabelled"] == list(table.ids[4:])
    assert shot["train"] == probe["train"] == list(table.ids[:4])


def test_the_ancestor_is_the_model_that_reads_the_labelled_rows_best(candidates):
    models = {"base": base("image"), "champion": candidates["probe"].model}
    best, scores = choose_ancestor(models, turned(30, 7))
    assert best == "champion"
    assert [s.label for s in scores] == ["champion", "base"]
    assert choose_ancestor(models, images(30, seed=7))[0] == "base"


def test_without_labels_the_ancestor_is_a_confident_model_whose_domain_is_near():
    inside_out = images(60, seed=2)
    inside_out = replace(inside_out, images=255 - inside_out.images)
    fitted = try_strategy("shot", base("image"), inside_out.without_labels(), inside_out.take(range(6)))
    models = {"base": base("image"), "champion": fitted.model}
    best, scores = choose_ancestor(models, inside_out.without_labels())
    assert (best, scores[0].accuracy) == ("champion", None)
    assert scores[0].distance < scores[1].distance
    known = {s.label: s.distance for s in choose_ancestor(models, images(60, seed=7).without_labels())[1]}
    assert known["base"] < 0.05 < known["champion"]


@pytest.mark.parametrize("kind", ["image", "tabular"])
def test_the_control_learns_from_the_targets_labels_alone(kind):
    control = target_only(rows(kind, 60, seed=2), rows(kind, 30, seed=3), base(kind))
    truth = base(kind).label_indices(rows(kind, 30, seed=3).labels)
    assert (control.probabilities.argmax(axis=1) == truth).mean() > 0.8
    np.testing.assert_allclose(control.probabilities.sum(axis=1), 1)


def test_the_control_with_one_class_answers_that_class_and_without_labels_refuses():
    table = images(9)
    one = table.take(table.labels == "c1")
    assert (target_only(one, table, base("image")).probabilities[:, 1] == 1).all()
    with pytest.raises(NotEnoughLabels):
        target_only(table.without_labels(), table, base("image"))


def test_predicted_seconds_grow_with_the_labels():
    for name in ("probe", "residual", "finetune", "lora"):
        assert get_strategy(name).predict_seconds(5000, 9000, "image") > get_strategy(name).predict_seconds(
            10, 9000, "image"
        )


def test_a_damaged_model_in_a_candidate_is_refused(candidates, tmp_path):
    folder = candidates["probe"].save(tmp_path / "c")
    damage(folder / "model" / "weights.safetensors")
    with pytest.raises(LeptonError, match="cannot be used"):
        Candidate.load(folder)
