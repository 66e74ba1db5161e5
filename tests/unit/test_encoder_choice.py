"""Which encoder a base gets where several are tried: the pure decision, and the base that comes of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from lepton.core.config.settings import AUTO, PretrainConfig
from lepton.core.decisions.encoders import Choice, Tried, choose
from lepton.core.splits import split
from lepton.models.encoders import all_encoders
from lepton.pretraining import pretrain
from lepton.pretraining.choice import worth_trying
from tests.unit.factories import SMALL, classes_of, rows

BIG = Tried("big", 0.9, 0.0, 9.0, 5000, learns_all=False)
SMALL_ONE = Tried("small", 0.9, 0.0, 1.0, 100, learns_all=False)
FOREST = Tried("forest", 0.9, 0.0, 2.0, 9000, learns_all=True)


def took(*tried: Tried, **losses: NDArray[np.float64]) -> str:
    return choose([replace(one, log_loss=float(losses[one.encoder].mean())) for one in tried], losses).took


def noise(seed: int, n: int = 600) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(0.5, 0.3, n)


def test_a_clear_lead_decides_whatever_it_costs() -> None:
    assert took(BIG, SMALL_ONE, FOREST, big=noise(0), small=noise(1) + 0.1, forest=noise(2) + 0.1) == "big"


def test_of_equals_the_smallest_is_taken_and_else_the_best() -> None:
    assert took(BIG, SMALL_ONE, big=noise(0), small=noise(0) + 0.01 * noise(1)) == "big"
    assert took(BIG, SMALL_ONE, big=noise(0), small=noise(0)) == "small"


def test_what_will_yet_learn_from_the_validation_rows_comes_before_what_is_smaller() -> None:
    assert took(BIG, SMALL_ONE, FOREST, big=noise(0), small=noise(0), forest=noise(0)) == "forest"


def test_the_same_lead_counts_on_many_rows_and_not_on_few() -> None:
    for rows_, expected in ((50, "forest"), (20_000, "big")):
        assert took(BIG, FOREST, big=noise(0, rows_), forest=noise(1, rows_) + 0.02) == expected


@given(st.permutations([BIG, SMALL_ONE, FOREST]), st.integers(0, 50))
def test_the_order_in_which_they_were_tried_does_not_matter(order: list[Tried], seed: int) -> None:
    losses = {"big": noise(seed), "small": noise(seed + 1), "forest": noise(seed + 2)}
    assert took(*order, **losses) == took(BIG, SMALL_ONE, FOREST, **losses)


def test_it_says_in_a_line_what_was_taken_against_what() -> None:
    choice = choose(
        [replace(FOREST, accuracy=0.871, log_loss=0.31), replace(BIG, accuracy=0.864, log_loss=0.333)],
        {"forest": noise(0), "big": noise(0) + 0.02},
        {"small": "no time"},
    )
    said = "forest: 0.871 of validation rows (log loss 0.310), against 0.864 of big (0.333); not tried: small, no time"
    assert choice.summary() == said
    assert Choice.from_json(choice.to_json()) == choice


def test_the_base_that_is_taken_is_the_one_that_naming_its_encoder_makes() -> None:
    table, config = rows("tabular", 300, seed=1), PretrainConfig(epochs=2, fewest_steps=0)
    given_ = SMALL.model_copy(update={"name": AUTO})
    chosen = pretrain(table, classes_of(3), given_, config, threads=1)
    assert chosen.choice is not None
    assert {one.encoder for one in chosen.choice.tried} == {
        name for name, encoder in all_encoders().items() if "tabular" in encoder.tried_for
    }
    named = given_.model_copy(update={"name": chosen.choice.took})
    alone = pretrain(table, classes_of(3), named, config, threads=1)
    assert alone.choice is None
    assert chosen.model.digest() == alone.model.digest()
    assert chosen.val == alone.val
    assert len(chosen.val_losses) == len(split(table, "val"))
    assert chosen.val_losses.mean() == pytest.approx(chosen.val["log_loss"])


def test_when_the_time_is_over_no_further_encoder_is_begun_and_that_is_said() -> None:
    config = PretrainConfig(epochs=1, fewest_steps=0, try_seconds=1e-9)
    given_ = SMALL.model_copy(update={"name": AUTO})
    choice = pretrain(rows("tabular", 300, seed=1), classes_of(3), given_, config, threads=1).choice
    assert choice is not None
    assert len(choice.tried) == 1
    assert all("pretrain.try_seconds" in why for why in choice.left_out.values())
    assert len(choice.left_out) >= 2


def test_a_chain_that_asks_for_a_gradient_leaves_out_what_does_not_learn_by_one() -> None:
    names, left_out = worth_trying("tabular", ("vicreg", "supervised"))
    assert names
    assert all(all_encoders()[name].by_gradient for name in names)
    assert left_out == dict.fromkeys(left_out, "vicreg+supervised asks for a gradient")
    assert left_out


def test_rows_of_a_kind_with_one_encoder_get_that_one() -> None:
    assert worth_trying("image", ("supervised",)) == (["cnn"], {})
