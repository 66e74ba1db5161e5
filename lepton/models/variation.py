"""How far random variants of rows go, and what is done to images: moved, drawn, coarsened and lit in another way."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


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


def vary_ink(ink: Tensor, strength: Strength, source: torch.Generator) -> Tensor:
    """Return variants of images (n, C, S, S) as their difference from the background: what comes in is background."""
    ink = _affine(ink, strength, source)
    if strength.strokes:
        ink = _strokes(ink, strength.strokes, source)
    if strength.coarse:
        ink = _coarser(ink, strength, source)
    gain = 1 + strength.gain * uniform(source, len(ink), 1, 1, 1)
    level = strength.noise * torch.rand(len(ink), 1, 1, 1, generator=source)
    return ink * gain + level * torch.randn(ink.shape, generator=source)


def uniform(source: torch.Generator, *shape: int) -> Tensor:
    """Return values in -1..1."""
    return torch.rand(*shape, generator=source) * 2 - 1


def _affine(ink: Tensor, strength: Strength, source: torch.Generator) -> Tensor:
    n = len(ink)
    angle = math.radians(strength.rotate) * uniform(source, n)
    shear = strength.shear * uniform(source, n)
    wide, high = (1 + strength.scale * uniform(source, 2, n)).unbind()
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = wide * angle.cos()
    theta[:, 0, 1] = shear - angle.sin()
    theta[:, 1, 0] = angle.sin()
    theta[:, 1, 1] = high * angle.cos()
    theta[:, :, 2] = 2 * strength.shift * uniform(source, n, 2)
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
