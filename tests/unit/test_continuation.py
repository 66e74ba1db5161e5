"""Going on with a base: what is learnt, what is replayed, what is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lepton.core.config.settings import PretrainConfig
from lepton.core.errors import LeptonError
from lepton.core.splits import split_of
from lepton.core.table import Table, concat
from lepton.operations.pretrain.verdict import what_was_kept
from lepton.pretraining import pretrain
from lepton.pretraining.continuation import chosen_rows, go_on
from tests.unit.factories import SMALL, classes_of, images, names

CONFIG = PretrainConfig(epochs=6, batch_size=32, lr=1e-2)


def inverted(count: int, seed: int) -> Table:
    """The same classes, dark on bright."""
    table = images(count, seed=seed)
    assert table.images is not None
    return replace(table, images=255 - table.images)


def accuracy(model, table: Table) -> float:
    rows = table.take(split_of(table.ids) == "test")
    return float((model.predict_proba(rows).argmax(axis=1) == model.label_indices(rows.labels)).mean())


@pytest.fixture(scope="module")
def old() -> Table:
    return images(400, seed=1)


@pytest.fixture(scope="module")
def new() -> Table:
    return inverted(200, seed=2)


@pytest.fixture(scope="module")
def base(old: Table):
    return pretrain(old, classes_of(3), SMALL, CONFIG, threads=1).model


def test_the_new_is_learnt_the_old_is_kept_and_the_base_untouched(base, old: Table, new: Table) -> None:
    before = base.digest()
    done = go_on(base, concat([old, new]), set(new.ids), _how(lr=5e-3, epochs=6), threads=1)
    assert accuracy(base, new) < 0.7 < 0.9 < accuracy(done.model, new)
    assert accuracy(done.model, old) > accuracy(base, old) - 0.05
    assert base.digest() == before
    assert done.model.inputs == base.inputs
    assert [stage.name for stage in done.stages] == ["continued"]


def test_it_is_repeatable_and_goes_on_from_a_checkpoint(base, old: Table, new: Table, tmp_path: Path) -> None:
    both, ids = concat([old, new]), set(new.ids)
    first = go_on(base, both, ids, _how(), threads=1, folder=tmp_path)
    assert go_on(base, both, ids, _how(), threads=1).model.digest() == first.model.digest()
    steps: list[tuple[int, int]] = []
    again = go_on(
        base, both, ids, _how(), threads=1, folder=tmp_path, progress=lambda done, total, _: steps.append((done, total))
    )
    assert again.model.digest() == first.model.digest()
    assert all(done == total for done, total in steps)  # the finished checkpoint was taken


@pytest.mark.parametrize("replay", [0.0, 0.5, 1.0, 100.0])
def test_the_asked_share_of_old_training_rows_is_replayed_and_all_else_stays(
    old: Table, new: Table, replay: float
) -> None:
    both, ids = concat([old, new]), set(new.ids)
    chosen = chosen_rows(both, ids, replay, seed=0)
    place = split_of(chosen.ids)
    is_new = np.array([row in ids for row in chosen.ids])
    fresh = int(((place == "train") & is_new).sum())
    replayed = int(((place == "train") & ~is_new).sum())
    assert replayed == min(round(replay * fresh), int((split_of(old.ids) == "train").sum()))
    assert (place != "train").sum() == (split_of(both.ids) != "train").sum()
    if replay == 0.5:
        other = chosen_rows(both, ids, replay, seed=1)
        assert set(other.ids) != set(chosen.ids)


def test_too_few_new_rows_are_refused(base, old: Table, new: Table) -> None:
    few = new.take(np.arange(12))
    with pytest.raises(LeptonError, match="too few to go on with"):
        go_on(base, concat([old, few]), set(few.ids), _how(), threads=1)
    unlabelled = new.with_labels(names([None] * len(new)))
    with pytest.raises(LeptonError, match="too few to go on with"):
        go_on(base, concat([old, unlabelled]), set(unlabelled.ids), _how(), threads=1)


def test_what_forgets_more_than_the_floor_does_not_pass(base, old: Table) -> None:
    rows = old.take(split_of(old.ids) == "test")
    assert what_was_kept(base, base, rows, 0.0).passed
    broken = base.replace()
    broken.head.weight.data.zero_()
    found = what_was_kept(base, broken, rows, 0.01)
    assert not found.passed
    assert "0.010 may be lost" in found.summary
    assert what_was_kept(base, broken, rows.take([]), 0.0).passed


def _how(**fields: object) -> PretrainConfig:
    return CONFIG.model_copy(update={"continuation": CONFIG.continuation.model_copy(update=fields)})
