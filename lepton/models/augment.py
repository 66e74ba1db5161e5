"""Random variants of prepared rows, so that a base learns what a class is and not how one source draws it.

For images, in this order: rotation, shear, scale and shift; thicker or thinner strokes; fewer pixels (shrunk and
enlarged again, as if taken by a coarser camera); contrast, brightness and noise. For tables: jitter on every column and
columns dropped to their mean. For sequences (Um et al. 2017): jitter, one gain a row, a stretch of steps hidden. For
texts: single bytes hidden. Of several inputs: each in its own way, and sometimes one is left out. Augmenting the source
is worth more than most adaptation methods: see the docs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from lepton.models.inputs import InputSpec
from lepton.models.mixed_inputs import MixedInputs
from lepton.models.sequence_inputs import SequenceInputs
from lepton.models.table_inputs import TableInputs
from lepton.models.text_inputs import HIDDEN, PADDING, TextInputs


@dataclass(frozen=True)
class Strength:
    """How far variants go; 1.0 is what pretraining uses."""

    rotate: float = 15.0
    """Degrees, either way."""
    shear: float = 0.2
    scale: float = 0.15
    """Share of the size, each axis on its own."""
    shift: float = 0.08
    """Share of the side."""
    strokes: float = 0.4
    """Chance of thicker or thinner strokes."""
    coarse: float = 0.6
    """Chance of fewer pixels."""
    coarsest: float = 0.25
    """Smallest side after shrinking, as a share."""
    gain: float = 0.3
    noise: float = 0.1
    """Largest standard deviation of pixel noise, of the full range."""
    jitter: float = 0.15
    """Standard deviation added to the columns of a table, in their own."""
    drop: float = 0.05
    """Chance that a table's column is set to its mean, that one of several inputs is left out; share of a sequence's
    steps and of a text's bytes that are hidden."""


PRETRAINING = Strength()
LIGHT = Strength(
    rotate=8.0, shear=0.1, scale=0.1, shift=0.05, strokes=0.0, coarse=0.0, gain=0.1, noise=0.03, jitter=0.1
)
"""For fine-tuning: a target's own look must stay what it is."""


def augment(x: Tensor, inputs: InputSpec, strength: Strength, source: torch.Generator) -> Tensor:
    """Return a random variant of each prepared row.

    Args:
        x: (n, ...) as `inputs.to_tensor` returns them.
        inputs: Says what zero and one mean in x.
        strength: How far.
        source: Where randomness comes from; the global state is left alone.
    """
    if isinstance(inputs, MixedInputs):
        return _inputs(x, inputs, strength, source)
    if isinstance(inputs, SequenceInputs):
        return _steps(x, strength, source)
    if isinstance(inputs, TextInputs):
        hidden = (torch.rand(x.shape, generator=source) < strength.drop) & (x != PADDING)
        return torch.where(hidden, float(HIDDEN), x)
    if isinstance(inputs, TableInputs):
        noisy = x + strength.jitter * torch.randn(x.shape, generator=source)
        return torch.where(torch.rand(x.shape, generator=source) < strength.drop, 0.0, noisy)
    background = torch.tensor(inputs.background).view(1, -1, 1, 1)
    ink = inputs.denormalise(x) - background  # so that what an affine map pulls in from outside is background
    ink = _affine(ink, strength, source)
    if strength.strokes:
        ink = _strokes(ink, strength.strokes, source)
    if strength.coarse:
        ink = _coarser(ink, strength, source)
    gain = 1 + strength.gain * _uniform(source, len(x), 1, 1, 1)
    level = strength.noise * torch.rand(len(x), 1, 1, 1, generator=source)
    ink = ink * gain + level * torch.randn(ink.shape, generator=source)
    return inputs.normalise(ink + background)


def _inputs(x: Tensor, inputs: MixedInputs, strength: Strength, source: torch.Generator) -> Tensor:
    """Vary each input; one of those that a row has is left out with a chance, never the last."""
    flags, parts = inputs.layout.split(x)
    varied = [
        augment(part, spec, strength, source) * flags[:, k].reshape(-1, *(1,) * (part.ndim - 1))
        for k, (part, spec) in enumerate(zip(parts, inputs.parts, strict=True))
    ]
    out = torch.rand(len(x), generator=source) < strength.drop * len(parts)
    place = (torch.rand(flags.shape, generator=source) * flags).argmax(dim=1)
    out &= flags.sum(dim=1) > 1
    kept = flags.clone()
    kept[out, place[out]] = 0.0
    blocks = [(part * kept[:, k].reshape(-1, *(1,) * (part.ndim - 1))).flatten(1) for k, part in enumerate(varied)]
    return torch.cat([kept, *blocks], dim=1)


def _steps(x: Tensor, strength: Strength, source: torch.Generator) -> Tensor:
    """Vary (n, T, F + 1) sequences; which steps there are stays as it is."""
    there = x[..., -1:]
    gain = 1 + strength.gain * _uniform(source, len(x), 1, 1)
    values = x[..., :-1] * gain + strength.jitter * torch.randn(x[..., :-1].shape, generator=source)
    length = there.sum(dim=1)
    start = torch.rand(len(x), 1, generator=source) * length
    span = 2 * strength.drop * length * torch.rand(len(x), 1, generator=source)
    at = torch.arange(x.shape[1])
    hidden = (at >= start) & (at < start + span)
    return torch.cat([torch.where(hidden[..., None], 0.0, values) * there, there], dim=2)


def _uniform(source: torch.Generator, *shape: int) -> Tensor:
    """Return values in -1..1."""
    return torch.rand(*shape, generator=source) * 2 - 1


def _affine(ink: Tensor, strength: Strength, source: torch.Generator) -> Tensor:
    n = len(ink)
    angle = math.radians(strength.rotate) * _uniform(source, n)
    shear = strength.shear * _uniform(source, n)
    wide, high = (1 + strength.scale * _uniform(source, 2, n)).unbind()
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = wide * angle.cos()
    theta[:, 0, 1] = shear - angle.sin()
    theta[:, 1, 0] = angle.sin()
    theta[:, 1, 1] = high * angle.cos()
    theta[:, :, 2] = 2 * strength.shift * _uniform(source, n, 2)
    grid = F.affine_grid(theta, list(ink.shape), align_corners=False)
    return F.grid_sample(ink, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def _strokes(ink: Tensor, chance: float, source: torch.Generator) -> Tensor:
    """Thicken or thin, half the chance each, by a 3 x 3 maximum or minimum mixed in by a random share."""
    roll = torch.rand(len(ink), generator=source)
    share = torch.rand(len(ink), 1, 1, 1, generator=source)
    thick, thin = roll < chance / 2, (roll >= chance / 2) & (roll < chance)
    out = ink.clone()
    out[thick] = torch.lerp(ink[thick], F.max_pool2d(ink[thick], 3, 1, 1), share[thick])
    out[thin] = torch.lerp(ink[thin], -F.max_pool2d(-ink[thin], 3, 1, 1), share[thin])
    return out


def _coarser(ink: Tensor, strength: Strength, source: torch.Generator) -> Tensor:
    """Shrink to a random number of pixels by area and enlarge again, one size for each quarter of the rows."""
    size = ink.shape[-1]
    smallest = max(4, round(size * strength.coarsest))
    out = ink.clone()
    chosen = torch.rand(len(ink), generator=source) < strength.coarse
    for part in torch.randperm(len(ink), generator=source).chunk(4):
        small = int(torch.randint(smallest, max(smallest + 1, round(size * 0.6)), (1,), generator=source))
        rows = part[chosen[part]]
        if len(rows):
            shrunk = F.adaptive_avg_pool2d(ink[rows], small)
            out[rows] = F.interpolate(shrunk, size=(size, size), mode="bilinear", align_corners=False)
    return out
