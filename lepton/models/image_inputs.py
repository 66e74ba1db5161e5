"""Images to tensors: one value range, one framing, one size, whatever the camera.

Framing is the largest gap between digit collections: MNIST leaves a margin of four pixels, optdigits none. `content`
crops to what differs from the background and centres it with a fixed margin, so that this difference is gone.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from lepton.core.config.settings import EncoderConfig
from lepton.core.errors import LeptonError
from lepton.core.kinds import Kind, kind_of
from lepton.core.table import Table
from lepton.models.input_spec import InputSpec, nameless
from lepton.models.layout import Layout
from lepton.models.variation import Strength, vary_ink

MARGIN = 1 / 14
"""Share of the side left free around cropped content."""
INK = 0.25
"""A pixel is content if it differs from the background by this share of the image's largest difference."""
SMALL_SIDE = 14
"""For models that know columns only, images are pooled to at most this side: a hundred labels do not feed more."""
_CHUNK = 2048


@dataclass(frozen=True)
class ImageInputs(InputSpec):
    """What turns images into tensors; fitted on the source."""

    shape: tuple[int, int, int]
    """(C, H, W) of the source's images; others are resized, other channel counts averaged and repeated."""
    low: float
    high: float
    """Range of float32 images; uint8 images are 0..255 by nature and become 0..1."""
    size: int
    """Side S of the tensor."""
    fit: Literal["content", "stretch"]
    background: tuple[float, ...]
    """(C,) median of the source's border pixels, in 0..1."""
    mean: tuple[float, ...]
    std: tuple[float, ...]
    """(C,) over the framed source images."""

    kind: ClassVar[Kind] = "image"

    @classmethod
    def fitted(cls, table: Table, encoder: EncoderConfig) -> ImageInputs:
        """Learn range, background and statistics from the source's images."""
        images = _images(table)
        low, high = (0.0, 1.0) if images.dtype == np.uint8 else (float(images.min()), float(images.max()))
        some = images[:: max(1, len(images) // _CHUNK)]
        border = _border(_scale(some, low, high))
        background = border.median(dim=1).values
        # `auto`: content can be told from background only if the borders agree on what background is.
        plain = ((border - background[:, None]).abs() < 0.05).float().mean() > 0.9
        found: Literal["content", "stretch"]
        found = ("content" if plain else "stretch") if encoder.fit == "auto" else encoder.fit
        c, h, w = images.shape[1:]
        rough = cls((c, h, w), low, high, encoder.image_size, found, _floats(background), (0.0,) * c, (1.0,) * c)
        framed = rough.frame(some)
        mean = framed.mean(dim=(0, 2, 3))
        std = framed.std(dim=(0, 2, 3)).clamp_min(1e-3)
        return cls(rough.shape, low, high, rough.size, found, rough.background, _floats(mean), _floats(std))

    @property
    def layout(self) -> Layout:
        """Kind and shape of one prepared row."""
        return Layout(self.kind, (self.shape[0], self.size, self.size))

    def to_tensor(self, table: Table) -> Tensor:
        """Return (n, C, S, S) float32, standardised.

        Raises:
            LeptonError: If the table holds no images, or pixels that are not finite.
        """
        images = _images(table)
        parts = [self.normalise(self.frame(images[at : at + _CHUNK])) for at in range(0, len(images), _CHUNK)]
        return torch.cat(parts) if parts else torch.empty(0, *self.tensor_shape)

    def normalise(self, framed: Tensor) -> Tensor:
        """Return framed images (n, C, S, S) in 0..1 as zero mean and unit variance of the source."""
        return (framed - _channels(self.mean)) / _channels(self.std)

    def denormalise(self, x: Tensor) -> Tensor:
        """Undo `normalise`: augmentation works on light, not on standard deviations."""
        return x * _channels(self.std) + _channels(self.mean)

    def frame(self, images: NDArray[np.generic]) -> Tensor:
        """Return raw images (n, c, h, w) as (n, C, S, S) float32 in 0..1, cropped and resized."""
        return self.framed(_scale(images, self.low, self.high))

    def framed(self, x: Tensor) -> Tensor:
        """Return images (n, c, h, w) in 0..1 as (n, C, S, S), cropped and resized; torch can trace it."""
        x = _match_channels(x, self.shape[0])
        if self.fit == "stretch":
            return F.interpolate(x, size=(self.size, self.size), mode="bilinear", antialias=True, align_corners=False)
        background = _channels(self.background)
        ink = x - background
        if max(ink.shape[2:]) > 2 * self.size:  # sampling a grid does not filter: shrink large images properly first
            shrink = 2 * self.size / max(ink.shape[2:])
            smaller = [max(1, round(side * shrink)) for side in ink.shape[2:]]
            ink = F.interpolate(ink, size=smaller, mode="bilinear", antialias=True, align_corners=False)
        return _crop(ink, self.size) + background

    def made_up(self, count: int, random: np.random.Generator) -> Table:
        """Return noisy blocks of many sizes on the source's background; the first image has nothing on it."""
        channels, height, width = self.shape
        ground = np.array(self.background)[:, None, None]
        found = np.broadcast_to(ground, (count, channels, height, width)).copy()
        for image in found[1:]:
            tall, wide = random.integers(1, height + 1), random.integers(1, width + 1)
            top, left = random.integers(0, height - tall + 1), random.integers(0, width - wide + 1)
            ink = np.where(ground > 0.5, random.uniform(0, 0.4), random.uniform(0.6, 1))
            image[:, top : top + tall, left : left + wide] = ink + random.uniform(-0.2, 0.2, (channels, tall, wide))
        found = found.clip(0, 1)
        if (self.low, self.high) == (0.0, 1.0):
            pixels: NDArray[np.generic] = np.rint(found * 255).astype(np.uint8)
        else:
            pixels = (self.low + found * (self.high - self.low)).astype(np.float32)
        return Table("image", *nameless(count), images=pixels)

    def plain(self, x: Tensor) -> NDArray[np.float64]:
        """Return a few pixels of each image."""
        return super().plain(F.adaptive_avg_pool2d(x, SMALL_SIDE) if x.shape[-1] > SMALL_SIDE else x)

    def varied(self, x: Tensor, strength: Strength, source: torch.Generator) -> Tensor:
        """Return images moved, drawn and lit in another way."""
        background = torch.tensor(self.background).view(1, -1, 1, 1)
        return self.normalise(vary_ink(self.denormalise(x) - background, strength, source) + background)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return {"kind": self.kind, **asdict(self)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> ImageInputs:
        """Read what `to_json` wrote.

        Raises:
            KeyError, TypeError, ValueError: If a field is missing or of another type.
        """
        c, h, w = (int(side) for side in value["shape"])
        size, fit = int(value["size"]), value["fit"]
        if not (1 <= c <= 64 and 1 <= h <= 8192 and 1 <= w <= 8192 and 1 <= size <= 1024):
            raise ValueError(f"image shape {(c, h, w)} or size {size} out of range")
        if fit not in ("content", "stretch"):
            raise ValueError(f"unknown fit {fit!r}")
        background, mean, std = (tuple(float(v) for v in value[key]) for key in ("background", "mean", "std"))
        if {len(background), len(mean), len(std)} != {c} or min(std) <= 0:
            raise ValueError("statistics do not fit the channels")
        return cls((c, h, w), float(value["low"]), float(value["high"]), size, fit, background, mean, std)


def _images(table: Table) -> NDArray[np.generic]:
    if table.images is None:
        raise LeptonError(f"This model reads images; these rows are {kind_of(table.kind).words}.")
    if table.images.dtype != np.uint8 and not np.isfinite(table.images).all():
        bad = ~np.isfinite(table.images).all(axis=(1, 2, 3))
        raise LeptonError(
            f"{int(bad.sum())} of {len(bad)} images hold pixels that are NaN or infinite.",
            why=f"First at row {int(np.flatnonzero(bad)[0]) + 1}.",
            fix=["check the delivery against its contract: lepton ingest DOMAIN FILE --dry-run"],
        )
    return table.images


def _scale(images: NDArray[np.generic], low: float, high: float) -> Tensor:
    """Return raw pixels as float32, source range to 0..1."""
    kind = np.uint8 if images.dtype == np.uint8 else np.float32
    return scaled(torch.from_numpy(np.ascontiguousarray(images, dtype=kind)), low, high)


def scaled(pixels: Tensor, low: float, high: float) -> Tensor:
    """Return pixels, uint8 or float32, as float32, source range to 0..1; torch can trace it."""
    if pixels.dtype == torch.uint8:
        return pixels.float() / 255
    return (pixels - low) / max(high - low, 1e-6)


def _match_channels(x: Tensor, channels: int) -> Tensor:
    if x.shape[1] == channels:
        return x
    return x.mean(dim=1, keepdim=True).expand(-1, channels, -1, -1)


def _border(x: Tensor) -> Tensor:
    """Return (C, pixels) of the outermost frame of all images."""
    edges = [x[:, :, 0], x[:, :, -1], x[:, :, :, 0], x[:, :, :, -1]]
    return torch.cat([edge.transpose(0, 1).flatten(1) for edge in edges], dim=1)


def _crop(ink: Tensor, size: int) -> Tensor:
    """Return the content box of each image, aspect kept, centred in (size, size) with a margin; 0 is background."""
    count, channels, height, width = ink.shape  # `len` would make a traced graph of so many rows only
    strength = ink.abs().amax(dim=1)
    mask = strength > INK * strength.amax(dim=(1, 2), keepdim=True).clamp_min(1e-6)
    top, bottom = _extent(mask.any(dim=2))
    left, right = _extent(mask.any(dim=1))
    half = torch.maximum(bottom - top, right - left) / 2 / (1 - 2 * MARGIN)
    theta = torch.zeros(count, 2, 3)
    theta[:, 0, 0] = half * 2 / width
    theta[:, 1, 1] = half * 2 / height
    theta[:, 0, 2] = (left + right) / width - 1
    theta[:, 1, 2] = (top + bottom) / height - 1
    grid = F.affine_grid(theta, [count, channels, size, size], align_corners=False)
    return F.grid_sample(ink, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def _extent(line: Tensor) -> tuple[Tensor, Tensor]:
    """Return first and one-past-last true position of each row of (n, m); the whole line if none is true."""
    m = line.shape[1]
    none = ~line.any(dim=1)
    first = line.float().argmax(dim=1)
    last = m - line.flip(1).float().argmax(dim=1)
    return torch.where(none, 0, first).float(), torch.where(none, m, last).float()


def _channels(values: tuple[float, ...]) -> Tensor:
    return torch.tensor(values, dtype=torch.float32).view(1, -1, 1, 1)


def _floats(values: Tensor) -> tuple[float, ...]:
    return tuple(float(v) for v in values)
