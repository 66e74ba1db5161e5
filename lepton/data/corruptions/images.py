"""Simulated degradations of real images: what a scanner, a lamp or a mount does to them as it ages.

The kinds follow MNIST-C (Mu and Gilmer 2019, "MNIST-C: A Robustness Benchmark for Computer Vision") and ImageNet-C
(Hendrycks and Dietterich 2019, "Benchmarking Neural Network Robustness to Common Corruptions and Perturbations").
Their constants are for 28 x 28 and 224 x 224 pixels; here lengths are shares of the image's side, so that the same
strength means the same on 8 x 8 pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lepton.core.errors import UsageError
from lepton.core.table import Table
from lepton.data.corruptions.degradation import check_asked

Pixels = NDArray[np.float64]
"""(n, C, H, W), 0..1."""


def corrupt(images: NDArray[np.generic], name: str, strength: int = 2, seed: int = 0) -> NDArray[np.uint8]:
    """Return degraded copies of images.

    Args:
        images: (n, C, H, W) uint8; left untouched.
        name: One of `CORRUPTIONS`.
        strength: 1 (visible), 2 (bad) or 3 (hardly usable).
        seed: Same seed, same result.

    Raises:
        UsageError: If there is no such corruption or strength.
    """
    check_asked(name, strength, CORRUPTIONS)
    if images.dtype != np.uint8 or images.ndim != 4:
        raise UsageError(f"Corruptions take (n, C, H, W) uint8 images, not {images.dtype} of shape {images.shape}.")
    changed = CORRUPTIONS[name](images.astype(np.float64) / 255.0, strength - 1, np.random.default_rng(seed))
    return np.rint(np.clip(changed, 0, 1) * 255).astype(np.uint8)


def able(rows: Table) -> list[str]:
    """Return the names of what can be simulated on these rows; none where pixels are floats."""
    return list(CORRUPTIONS) if rows.images is not None and rows.images.dtype == np.uint8 else []


def degrade(rows: Table, name: str, strength: int, seed: int) -> Table:
    """Return rows with degraded images; see `corrupt`."""
    assert rows.images is not None
    return replace(rows, images=corrupt(rows.images, name, strength, seed))


def gaussian_noise(x: Pixels, level: int, rng: np.random.Generator) -> Pixels:
    """Sensor noise in low light (ImageNet-C `gaussian_noise`)."""
    return x + rng.normal(0, (0.1, 0.2, 0.35)[level], x.shape)


def shot_noise(x: Pixels, level: int, rng: np.random.Generator) -> Pixels:
    """Few photons: Poisson noise that grows with brightness (MNIST-C and ImageNet-C `shot_noise`)."""
    photons = (30, 10, 4)[level]
    return rng.poisson(x * photons) / photons


def impulse_noise(x: Pixels, level: int, rng: np.random.Generator) -> Pixels:
    """Bit errors: salt and pepper (MNIST-C and ImageNet-C `impulse_noise`)."""
    u = rng.random(x.shape)
    share = (0.05, 0.12, 0.25)[level]
    return np.where(u < share / 2, 0.0, np.where(u > 1 - share / 2, 1.0, x))


def blur(x: Pixels, level: int, rng: np.random.Generator) -> Pixels:
    """Optics out of focus (after ImageNet-C `defocus_blur`, with a Gaussian for the disc)."""
    sigma = (0.06, 0.09, 0.12)[level]
    return _filter(x, sigma * x.shape[2], sigma * x.shape[3])


def motion_blur(x: Pixels, level: int, rng: np.random.Generator) -> Pixels:
    """The page moves during the exposure: a mean along the rows (MNIST-C and ImageNet-C `motion_blur`, at angle 0)."""
    length = max(2, round((0.2, 0.35, 0.5)[level] * x.shape[3]))
    return np.asarray(ndimage.uniform_filter1d(x, length, axis=3, mode="nearest"))


def contrast(x: Pixels, level: int, rng: np.random.Generator) -> Pixels:
    """Faded ink or a flat sensor: values pulled to each image's mean (ImageNet-C `contrast`)."""
    mean: Pixels = x.mean(axis=(2, 3), keepdims=True)
    return mean + (x - mean) * (0.5, 0.3, 0.15)[level]


def lamp(x: Pixels, level: int, rng: np.random.Generator) -> Pixels:
    """A lamp that lights one side: brightness added along the width (after MNIST-C and ImageNet-C `brightness`)."""
    return x + np.linspace(0, (0.4, 0.7, 1.0)[level], x.shape[3])


def fog(x: Pixels, level: int, rng: np.random.Generator) -> Pixels:
    """A dirty glass: smooth random haze (after MNIST-C and ImageNet-C `fog`, with filtered noise for the fractal)."""
    haze = _filter(rng.random(x.shape), 0.2 * x.shape[2], 0.2 * x.shape[3])
    low, high = haze.min(axis=(2, 3), keepdims=True), haze.max(axis=(2, 3), keepdims=True)
    share = (0.3, 0.5, 0.7)[level]
    return np.asarray((1 - share) * x + share * (haze - low) / np.maximum(high - low, 1e-9))


def dead_columns(x: Pixels, level: int, rng: np.random.Generator) -> Pixels:
    """Dead elements of a line sensor: the same columns are white in every image (after MNIST-C `stripe`)."""
    width = x.shape[3]
    dead = rng.choice(width, max(1, round((0.1, 0.2, 0.35)[level] * width)), replace=False)
    changed = x.copy()
    changed[..., dead] = 1.0
    return changed


def invert(x: Pixels, level: int, rng: np.random.Generator) -> Pixels:
    """A reversed setting, in part or in full (MNIST-C `inverse`, dropped there as too easy to see)."""
    share = (0.35, 0.7, 1.0)[level]
    return (1 - share) * x + share * (1 - x)


def shear(x: Pixels, level: int, rng: np.random.Generator) -> Pixels:
    """Uneven feed: rows shifted in proportion to their height (MNIST-C `shear`)."""
    return _affine(x, np.array([[1, 0], [(0.2, 0.4, 0.6)[level], 1]]))


def rotate(x: Pixels, level: int, rng: np.random.Generator) -> Pixels:
    """A page put in askew: all images turned the same way (MNIST-C `rotate`)."""
    angle = np.deg2rad((15, 30, 45)[level])
    return _affine(x, np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]))


def scale(x: Pixels, level: int, rng: np.random.Generator) -> Pixels:
    """A scanner at the wrong resolution: everything smaller, about the centre (MNIST-C `scale`)."""
    return _affine(x, np.eye(2) * (1.25, 1.5, 1.9)[level])


def translate(x: Pixels, level: int, rng: np.random.Generator) -> Pixels:
    """A stop that slipped: all images moved right and down (MNIST-C `translate`)."""
    share = (0.08, 0.15, 0.25)[level]
    return _affine(x, np.eye(2), shift=(share * x.shape[2], share * x.shape[3]))


def stain(x: Pixels, level: int, rng: np.random.Generator) -> Pixels:
    """A drop on the glass: one grey disc at a random place in every image (after MNIST-C `spatter`)."""
    _, _, height, width = x.shape
    y, along = np.mgrid[:height, :width]
    middle = rng.random((2, len(x), 1, 1)) * np.array([height, width]).reshape(2, 1, 1, 1)
    radius = (0.12, 0.2, 0.3)[level] * max(height, width)
    inside = (y - middle[0]) ** 2 + (along - middle[1]) ** 2 <= radius**2
    return np.where(inside[:, None], 0.6, x)


def scratches(x: Pixels, level: int, rng: np.random.Generator) -> Pixels:
    """Scratched film: straight white lines, others in each image (after MNIST-C `dotted_line` and `zigzag`)."""
    _, _, height, width = x.shape
    y, along = np.mgrid[:height, :width]
    changed = x
    for _ in range((1, 2, 4)[level]):
        angle, place = rng.random((2, len(x), 1, 1)) * np.array([np.pi, 1.0]).reshape(2, 1, 1, 1)
        offset = np.cos(angle) * (along - width * place) + np.sin(angle) * (y - height * place)
        changed = np.where((np.abs(offset) <= 0.03 * max(height, width))[:, None], 1.0, changed)
    return changed


def thick(x: Pixels, level: int, rng: np.random.Generator) -> Pixels:
    """Ink that spreads to the pixels around it (Castro et al. 2019, Morpho-MNIST; no kind of MNIST-C)."""
    side = 1 + 2 * max(1, round(0.06 * x.shape[3]))
    share = (0.4, 0.7, 1.0)[level]
    return np.asarray((1 - share) * x + share * ndimage.grey_dilation(x, size=(1, 1, side, side)))


def pixelate(x: Pixels, level: int, rng: np.random.Generator) -> Pixels:
    """Too few pixels: blocks are drawn to their mean (after ImageNet-C `pixelate`)."""
    block, share = max(2, round(0.15 * x.shape[3])), (0.5, 0.75, 1.0)[level]
    changed = x.copy()
    for top in range(0, x.shape[2], block):
        for left in range(0, x.shape[3], block):
            part = changed[:, :, top : top + block, left : left + block]
            part[...] = (1 - share) * part + share * part.mean(axis=(2, 3), keepdims=True)
    return changed


def exposure(x: Pixels, level: int, rng: np.random.Generator) -> Pixels:
    """Overexposed: what is grey becomes bright, what is bright is clipped (after ImageNet-C `brightness`)."""
    return np.asarray(np.clip(x + (0.15, 0.3, 0.5)[level], 0, 1) ** (0.8, 0.6, 0.4)[level])


def _filter(x: Pixels, vertical: float, horizontal: float) -> Pixels:
    return np.asarray(ndimage.gaussian_filter(x, (0, 0, vertical, horizontal), mode="nearest"))


def _affine(x: Pixels, matrix: NDArray[Any], shift: tuple[float, float] = (0.0, 0.0)) -> Pixels:
    """Resample linearly about the centre; what comes in from outside is 0 (background)."""
    full = np.eye(4)
    full[2:, 2:] = matrix
    centre = (np.array(x.shape[2:]) - 1) / 2
    offset = np.zeros(4)
    offset[2:] = centre - matrix @ (centre + np.array(shift))
    return np.asarray(ndimage.affine_transform(x, full, offset=offset, order=1, mode="constant", cval=0.0))


CORRUPTIONS: dict[str, Callable[[Pixels, int, np.random.Generator], Pixels]] = {
    function.__name__: function
    for function in (
        gaussian_noise, shot_noise, impulse_noise, blur, motion_blur, contrast, lamp, fog, dead_columns, invert,
        shear, rotate, scale, translate, stain, scratches, thick, pixelate, exposure,
    )
}  # fmt: skip
"""Name -> function."""
