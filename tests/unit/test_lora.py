"""Low-rank updates: nothing before the first step, and nothing lost by merging."""

import pytest
import torch
from torch import nn

from lepton.models.lora import LowRank, inject, merge
from lepton.transfer import TargetData, get_strategy
from tests.unit.factories import base, rows


def disturbed(module):
    """Give every update weights that are not zero."""
    source = torch.Generator().manual_seed(3)
    for part in module.modules():
        if isinstance(part, LowRank):
            nn.init.normal_(part.up.weight, std=0.3, generator=source)
    return module


@pytest.mark.parametrize("kind", ["image", "tabular"])
def test_before_the_first_step_nothing_changes(kind):
    model, x = base(kind).replace(), base(kind).inputs.to_tensor(rows(kind, 9))
    assert inject(model.encoder, 2, 4.0, seed=0)
    model.eval()
    torch.testing.assert_close(model(x), base(kind)(x), rtol=0, atol=0)


@pytest.mark.parametrize("kind", ["image", "tabular"])
def test_merged_answers_like_unmerged(kind):
    model, x = base(kind).replace(), base(kind).inputs.to_tensor(rows(kind, 9))
    inject(model.encoder, 2, 4.0, seed=0)
    disturbed(model.encoder).eval()
    before = model(x)
    assert not torch.allclose(before, base(kind)(x), atol=1e-2)
    merge(model.encoder)
    model.eval()
    torch.testing.assert_close(model(x), before, rtol=1e-4, atol=1e-4)
    assert not any(isinstance(part, LowRank) for part in model.modules())


@pytest.mark.parametrize("layer", [nn.Conv2d(3, 5, 3, stride=2, padding=1, dilation=2), nn.Linear(4, 6)])
def test_a_layer_of_any_setting_merges(layer):
    wrapped = disturbed(nn.Sequential(LowRank(layer, 2, 3.0)))[0]
    x = torch.randn(2, 3, 11, 11) if isinstance(layer, nn.Conv2d) else torch.randn(2, 4)
    torch.testing.assert_close(wrapped.merged()(x), wrapped(x), rtol=1e-4, atol=1e-5)


def test_the_adapted_model_has_the_bases_shape_and_a_low_rank_difference():
    table = rows("image", 30, seed=2)
    model = get_strategy("lora").adapt(base("image"), TargetData.of(base("image"), table), 0)
    before = base("image").state_dict()
    assert {name: t.shape for name, t in model.state_dict().items()} == {name: t.shape for name, t in before.items()}
    update = (model.encoder.out[0].weight - base("image").encoder.out[0].weight).detach()
    assert 1 <= torch.linalg.matrix_rank(update, atol=1e-5) <= 4
