"""What the encoder `tabular` does beyond what every one must: bins of the source, members, and how long it learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from lepton.core.config.settings import PretrainConfig
from lepton.models.device import seeded
from lepton.models.encoders import build_encoder
from lepton.models.encoders.fusion import Fusion
from lepton.models.encoders.tabular import BINS, MEMBERS, Codes, Tabular
from lepton.models.inputs import fit_inputs
from lepton.models.layout import Layout
from lepton.pretraining import pretrain
from tests.unit.factories import SMALL, classes_of, columns, mixed

TABULAR = SMALL.model_copy(update={"name": "tabular"})


def codes_of(values: list[float]) -> Codes:
    """Codes of one column of amounts, fitted on these values."""
    codes = Codes(Layout("tabular", (1,), amounts=(0,)))
    codes.meet(torch.tensor(values)[:, None])
    return codes


def encoder(layout: Layout) -> Tabular:
    with seeded(0):
        made = build_encoder(TABULAR, layout)
    assert isinstance(made, Tabular)
    return made.eval()


def test_a_bin_holds_as_many_rows_as_another_and_is_passed_on_a_line() -> None:
    skewed = np.random.default_rng(0).exponential(size=3000)
    codes = codes_of([*skewed])
    middle = codes(torch.tensor([[float(np.median(skewed))]]))[0, 1:]
    assert middle[: BINS // 2].tolist() == pytest.approx([1.0] * (BINS // 2), abs=0.01)
    assert middle[BINS // 2 :].tolist() == pytest.approx([0.0] * (BINS // 2), abs=0.01)
    half = codes.start[0, 3] + 0.5 / codes.slope[0, 3]
    assert codes(half.reshape(1, 1))[0, 4].item() == pytest.approx(0.5, abs=1e-4)


def test_beyond_the_range_of_the_source_the_codes_move_no_more() -> None:
    codes = codes_of([*np.linspace(-1, 1, 300)])
    far = codes(torch.tensor([[-1.0], [-5.0], [1.0], [5.0]]))[:, 1:]
    torch.testing.assert_close(far[0], far[1])
    torch.testing.assert_close(far[2], far[3])


def test_small_tables_get_few_bins_and_repeated_values_none_of_their_own() -> None:
    assert int((codes_of([*np.linspace(-1, 1, 120)]).slope > 0).sum()) == 4
    mostly_zero = codes_of([0.0] * 2900 + [*np.linspace(1, 2, 100)])
    assert int((mostly_zero.slope > 0).sum()) == 1
    assert int((codes_of([3.0] * 500).slope > 0).sum()) == 0


def test_a_wide_table_gets_few_bins_a_column_so_that_the_first_layer_stays_small() -> None:
    assert Codes(Layout("tabular", (1000,))).start.shape == (1000, 4)
    assert Codes(Layout("tabular", (9000,))).start.shape == (9000, 2)


def test_the_inputs_say_which_columns_are_amounts_and_the_others_are_left_as_they_are() -> None:
    inputs = fit_inputs(columns(300), SMALL)
    assert inputs.layout.amounts == (0, 2)  # size, weight; beside each, whether it is missing; then the colours
    x = inputs.to_tensor(columns(50, seed=1))
    codes = Codes(inputs.layout)
    codes.meet(inputs.to_tensor(columns(300)))
    others = [at for at in range(x.shape[1]) if at not in (0, 2)]
    assert torch.equal(codes(x)[:, -len(others) :], x[:, others])


def test_where_nobody_says_what_is_an_amount_every_number_may_be_one() -> None:
    assert Codes(Layout("tabular", (3,))).start.shape == (3, BINS)


def test_a_linear_head_answers_with_the_mean_of_what_it_would_answer_to_each_member() -> None:
    inputs = fit_inputs(columns(300), SMALL)
    network, head = encoder(inputs.layout), nn.Linear(SMALL.features, 3)
    x = inputs.to_tensor(columns(MEMBERS, seed=1))
    network.meet(x)
    place = torch.eye(MEMBERS)
    each = [network._through(network.codes(x), place[[k]].expand(len(x), -1)) for k in range(MEMBERS)]
    assert all((each[0] - other).abs().max() > 0.01 for other in each[1:])
    torch.testing.assert_close(head(network(x)), torch.stack([head(h) for h in each]).mean(dim=0))


def test_in_training_a_row_goes_through_the_member_of_its_place() -> None:
    inputs = fit_inputs(columns(300), SMALL)
    network = encoder(inputs.layout)
    x = inputs.to_tensor(columns(1, seed=1)).repeat(2 * MEMBERS, 1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.momentum = 0.0
    network.train()
    h = network(x)
    torch.testing.assert_close(h[:MEMBERS], h[MEMBERS:])
    assert (h[0] - h[1]).abs().max() > 0.01


def test_the_bins_are_of_the_training_rows_and_the_base_comes_again_bit_for_bit() -> None:
    config = PretrainConfig(epochs=2, fewest_steps=0, batch_size=32)
    first, again = (pretrain(columns(300), classes_of(3), TABULAR, config, threads=1).model for _ in range(2))
    assert first.digest() == again.digest()
    assert int((first.encoder.state_dict()["codes.slope"] > 0).sum()) > 0


def test_a_small_table_is_dealt_more_often_unless_the_configuration_says_how_long() -> None:
    plan = PretrainConfig(epochs=12, patience=3).stage("supervised").model_copy(update={"fewest_steps": 1500})
    assert (plan.lasting(200).epochs, plan.lasting(200).patience) == (12, 3)
    assert (plan.lasting(10).epochs, plan.lasting(10).patience) == (150, 38)
    short = PretrainConfig(epochs=2, fewest_steps=0, batch_size=32)
    assert len(pretrain(columns(200), classes_of(3), TABULAR, short, threads=1).curves) == 2
    longer = short.model_copy(update={"fewest_steps": 30})
    assert len(pretrain(columns(200), classes_of(3), TABULAR, longer, threads=1).curves) > 2


def test_of_several_inputs_each_encoder_meets_the_rows_that_have_it() -> None:
    inputs = fit_inputs(mixed(120), SMALL)
    network = build_encoder(SMALL, inputs.layout)
    assert isinstance(network, Fusion)
    at = [part.kind for part in inputs.layout.parts].index("tabular")
    network.parts[at] = encoder(inputs.layout.parts[at])
    rows = inputs.to_tensor(mixed(120))
    there, parts = inputs.layout.split(rows)
    network.meet(rows)
    alone = encoder(inputs.layout.parts[at])
    alone.meet(parts[at][there[:, at] > 0])
    assert torch.equal(network.parts[at].codes.start, alone.codes.start)
    assert not torch.equal(alone.codes.start, torch.zeros_like(alone.codes.start))
