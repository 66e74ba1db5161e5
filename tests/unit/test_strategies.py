"""One suite for every strategy: a new file under lepton/transfer/ is tested by being there."""

import importlib.util
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lepton.core.config.settings import TransferConfig
from lepton.core.errors import LeptonError, UsageError
from lepton.models import format as model_format
from lepton.models.device import repeatable
from lepton.models.table_inputs import Numeric
from lepton.transfer import NotEnoughLabels, TargetData, all_strategies, get_strategy
from lepton.transfer.planner import plan
from lepton.transfer.signals import measure
from tests.unit.factories import base, classes_of, names, rows

KINDS = ("image", "tabular")
each_strategy = pytest.mark.parametrize("strategy", all_strategies(), ids=str)
each_kind = pytest.mark.parametrize("kind", KINDS)


def adapted(strategy, kind, table, seed=0, k=3):
    with repeatable(1):
        return strategy.adapt(base(kind, k), TargetData.of(base(kind, k), table), seed)


def test_every_strategy_is_found_by_its_file():
    assert {"none", "probe", "residual", "finetune"} <= {s.name for s in all_strategies()}


def test_an_unknown_strategy_is_named_with_the_nearest():
    with pytest.raises(UsageError, match="finetun") as error:
        get_strategy("finetun")
    assert "'finetune'" in error.value.why


@each_kind
@each_strategy
def test_with_no_target_data_the_adapted_model_answers_like_the_base(strategy, kind):
    probe = base(kind).inputs.to_tensor(rows(kind, 9, seed=5))
    model = adapted(strategy, kind, rows(kind, 9).take([]))
    torch.testing.assert_close(model(probe), base(kind)(probe), rtol=0, atol=0)


@each_kind
@each_strategy
def test_the_base_is_untouched(strategy, kind):
    before = base(kind).digest()
    model = adapted(strategy, kind, rows(kind, 30, seed=2))
    for parameter in model.parameters():
        parameter.data.fill_(7.0)
    assert base(kind).digest() == before


@each_kind
@each_strategy
def test_same_seed_same_weights(strategy, kind):
    table = rows(kind, 30, seed=2)
    torch.manual_seed(1)
    first = adapted(strategy, kind, table, seed=3).digest()
    torch.manual_seed(2)  # the global random state must not matter
    assert adapted(strategy, kind, table, seed=3).digest() == first


@each_kind
@each_strategy
def test_the_global_random_state_is_left_alone(strategy, kind):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    adapted(strategy, kind, rows(kind, 12, seed=2))
    assert torch.equal(torch.get_rng_state(), before)


@each_kind
@each_strategy
def test_save_and_load_answer_bit_for_bit(strategy, kind, tmp_path):
    model = adapted(strategy, kind, rows(kind, 30, seed=2))
    model_format.save(model, tmp_path / "m")
    loaded = model_format.load(tmp_path / "m")
    assert loaded.digest() == model.digest()
    np.testing.assert_array_equal(loaded.predict_proba(rows(kind, 9)), model.predict_proba(rows(kind, 9)))


@each_kind
@each_strategy
def test_batchnorm_statistics_are_those_that_the_strategy_declares(strategy, kind):
    model = adapted(strategy, kind, rows(kind, 30, seed=2))
    assert not model.training
    known = dict(base(kind).named_buffers())
    for name, buffer in model.named_buffers():
        if strategy.batchnorm == "target" and "running" in name:
            assert not torch.equal(buffer, known[name]), name
        elif strategy.batchnorm == "base":
            torch.testing.assert_close(buffer, known[re.sub(r"members\.\d\.encoder\.", "", name)], rtol=0, atol=0)


@each_kind
@pytest.mark.parametrize("strategy", [s for s in all_strategies() if s.needs.features in ("none", "frozen")], ids=str)
def test_frozen_means_frozen(strategy, kind):
    model = adapted(strategy, kind, rows(kind, 30, seed=2))
    assert model.digest(("encoder",)) == base(kind).digest(("encoder",))


@each_strategy
@pytest.mark.parametrize("k", [2, 100])
def test_two_and_a_hundred_classes(strategy, k):
    table = rows("tabular", 2 * k, k, seed=2)
    model = adapted(strategy, "tabular", table, k=k)
    answers = model.predict_proba(table)
    assert answers.shape == (2 * k, k)
    np.testing.assert_allclose(answers.sum(axis=1), 1)


@each_kind
@each_strategy
def test_one_label_in_total(strategy, kind):
    table = rows(kind, 12, seed=2)
    one = table.with_labels(names([table.labels[0]] + [None] * 11))
    assert np.isfinite(adapted(strategy, kind, one).predict_proba(table)).all()


@each_kind
@each_strategy
def test_what_the_base_believes_of_a_class_missing_from_the_target_stays(strategy, kind):
    everything = rows(kind, 90, seed=2)
    model = adapted(strategy, kind, everything.take(everything.labels != "c2"))
    assert model.classes == classes_of(3)
    if strategy.name not in ("prototype", "coral", "pooled"):  # these put another head in the place of the base's
        for head in getattr(model.head, "heads", [model.head]):
            torch.testing.assert_close(head.weight[2], base(kind).head.weight[2], rtol=1e-3, atol=1e-4)
    assert np.isfinite(model.predict_proba(everything)).all()


@each_kind
@each_strategy
def test_rows_without_any_label_are_refused_where_labels_are_needed(strategy, kind):
    unlabelled = rows(kind, 12).without_labels()
    if strategy.needs.labels:
        with pytest.raises(NotEnoughLabels, match=f"'{strategy.name}' needs at least 1"):
            adapted(strategy, kind, unlabelled)
    else:
        assert len(adapted(strategy, kind, unlabelled).predict_proba(unlabelled)) == 12


@each_strategy
def test_adapting_an_adapted_model(strategy):
    first = adapted(get_strategy("residual"), "image", rows("image", 30, seed=2))
    table = rows("image", 30, seed=3)
    with repeatable(1):
        second = strategy.adapt(first, TargetData.of(first, table), 0)
    assert np.isfinite(second.predict_proba(table)).all()
    assert len(first.adapters) == 1
    # An ensemble's adapters are inside its encoder, one more in each member.
    expected = {"residual": 2, "soup:residual": 2, "ensemble:residual": 0}.get(strategy.name, 1)
    assert len(second.adapters) == expected
    if strategy.name == "ensemble:residual":
        assert [len(member.adapters) for member in second.encoder.parts()] == [2, 2, 2]


@each_kind
@each_strategy
def test_adapting_an_ensemble_gives_a_model_that_can_be_stored(strategy, kind, tmp_path):
    first = adapted(get_strategy("ensemble:residual"), kind, rows(kind, 30, seed=2))
    first.statistics = base(kind).statistics if strategy.needs.statistics else None
    table = rows(kind, 30, seed=3)
    with repeatable(1):
        second = strategy.adapt(first, TargetData.of(first, table), 0)
    second.statistics = None
    loaded = model_format.load(model_format.save(second, tmp_path / "m"))
    np.testing.assert_array_equal(loaded.predict_proba(table), second.predict_proba(table))


@each_kind
def test_labels_help_when_the_domain_shifts(kind):
    shifted = rows(kind, 90, seed=4)
    turned = shifted.with_labels(names([f"c{(int(label[1]) + 1) % 3}" for label in shifted.labels]))
    for name in ("probe", "residual", "finetune"):
        model = adapted(get_strategy(name), kind, turned.take(range(60)))
        unseen = turned.take(range(60, 90))
        right = model.predict_proba(unseen).argmax(axis=1) == model.label_indices(unseen.labels)
        assert right.mean() > 0.8, name


def test_a_label_that_the_model_does_not_know_is_named():
    table = rows("image", 3)
    with pytest.raises(LeptonError, match="O") as error:
        TargetData.of(base("image"), table.with_labels(names(["O", None, "c1"])))
    assert "c0, c1, c2" in error.value.why


def test_the_example_of_the_contributors_guide_is_a_whole_strategy(tmp_path):
    guide = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    file = tmp_path / "bias.py"
    file.write_text(re.search(r"```python\n(.*?)```", guide, re.DOTALL)[1], encoding="utf-8")
    found = import_file(file)
    example = found.Bias()
    table, start = rows("image", 30, seed=2), base("image")
    model = example.adapt(start, TargetData.of(start, table), 0)
    assert not torch.equal(model.head.bias, start.head.bias)
    assert torch.equal(model.head.weight, start.head.weight)
    assert example.predict_seconds(10, 30, "image") > 0
    assert example.config_json() == {"pull": 5.0}


def import_file(path):
    """Return a Python file as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_column_that_left_the_bases_range_is_brought_back_before_it_is_clipped():
    table = rows("tabular", 60, seed=2)
    moved = table.frame.copy()
    name = next(c.name for c in base("tabular").inputs.columns if isinstance(c, Numeric))
    rule = next(c for c in base("tabular").inputs.columns if c.name == name)
    moved[name] = moved[name] * 3 + rule.mean + 50 * rule.std
    moved = replace(table, frame=moved).without_labels()
    model = adapted(get_strategy("standardise"), "tabular", moved)
    before, after = (m.inputs.to_tensor(moved).numpy() for m in (base("tabular"), model))
    assert len(np.unique(before[:, 0])) <= 2  # all at the end of the range, but for gaps
    assert len(np.unique(after[:, 0])) > 30


def test_columns_that_did_not_move_stay_nearly_as_they_were():
    table = rows("tabular", 200, seed=2).without_labels()
    inputs = base("tabular").inputs.moved_to(table, 0.0)
    assert inputs == base("tabular").inputs
    again = base("tabular").inputs.moved_to(table, 1.0)
    numbers = [c for c in again.columns if isinstance(c, Numeric)]
    for column in numbers:
        values = table.frame[column.name].astype(float)
        assert column.mean == pytest.approx(values.mean())
        assert column.std == pytest.approx(values.std(ddof=0))


def test_images_have_no_columns_to_standardise_and_the_planner_says_so():
    signals = measure(base("image"), TargetData.of(base("image"), rows("image", 30, seed=2)))
    steps = plan(TransferConfig(strategies=("standardise",)), signals, [], statistics=True, size=1)
    assert [step.out for step in steps if step.strategy == "standardise"] == ["it is for tabular rows"]
