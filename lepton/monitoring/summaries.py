"""Summaries of the inputs: a few numbers an image that move when a scanner, a lamp or a lens does."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

PIXELS_AT_ONCE = 4_000_000
"""Pixels summarised in one step: bounds the memory, whatever the size of the images."""


def summarise(images: NDArray[np.generic]) -> pd.DataFrame:
    """Return (n, about 20) summaries of images, one row an image, all finite.

    Brightness is in units of the full range (uint8 is divided by 255, floats are taken as they are), places in
    units of the side from the centre. Channels are averaged but for their means. Pixels that are not finite count
    in `broken` and are taken as 0 elsewhere.

    Args:
        images: (n, C, H, W), any shape.
    """
    rows, channels, height, width = images.shape
    step = max(1, PIXELS_AT_ONCE // max(1, channels * height * width))
    parts = [_summarise(images[start : start + step]) for start in range(0, max(rows, 1), step)]
    return pd.concat(parts, ignore_index=True)


def _summarise(images: NDArray[np.generic]) -> pd.DataFrame:
    scale = 255.0 if images.dtype == np.uint8 else 1.0
    pixels = images.astype(np.float64) / scale
    finite = np.isfinite(pixels)
    pixels = np.where(finite, pixels, 0.0)
    grey = pixels.mean(axis=1)
    flat = grey.reshape(len(grey), -1)
    low, p5, median, p95, high = np.percentile(flat, [0, 5, 50, 95, 100], axis=1)
    found = {
        "mean": flat.mean(axis=1),
        "std": flat.std(axis=1),
        "darkest": low,
        "background": p5,
        "median": median,
        "brightest": high,
        "contrast": p95 - p5,
        "ink": (flat > ((low + high) / 2)[:, None]).mean(axis=1),
        **_edges(grey),
        **_layout(grey),
        "broken": 1.0 - finite.reshape(len(grey), -1).mean(axis=1),
    }
    if pixels.shape[1] > 1:
        found |= {f"channel {c} mean": pixels[:, c].mean(axis=(1, 2)) for c in range(pixels.shape[1])}
    return pd.DataFrame(found)


def _edges(grey: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Return how fast brightness changes: falls under blur, rises with noise."""
    across, down = np.diff(grey, axis=2), np.diff(grey, axis=1)
    bent = np.zeros_like(grey)
    bent[:, :, 1:] += across
    bent[:, :, :-1] -= across
    bent[:, 1:, :] += down
    bent[:, :-1, :] -= down
    return {
        "edges across": _mean(np.abs(across)),
        "edges down": _mean(np.abs(down)),
        "sharpness": np.sqrt(_mean(bent**2)),
    }


def _layout(grey: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Return where the ink is: moments of the brightness above the darkest pixel, and uneven lighting."""
    _, height, width = grey.shape
    y, x = np.linspace(-0.5, 0.5, height), np.linspace(-0.5, 0.5, width)
    ink = grey - grey.min(axis=(1, 2), keepdims=True)
    total = np.maximum(ink.sum(axis=(1, 2)), 1e-9)
    columns, rows = ink.sum(axis=1), ink.sum(axis=2)
    centre_x, centre_y = columns @ x / total, rows @ y / total
    spread_x = columns @ x**2 / total - centre_x**2
    spread_y = rows @ y**2 / total - centre_y**2
    mixed = np.einsum("nhw,h,w->n", ink, y, x) / total - centre_x * centre_y
    return {
        "centre x": centre_x,
        "centre y": centre_y,
        "spread x": np.sqrt(np.maximum(spread_x, 0.0)),
        "spread y": np.sqrt(np.maximum(spread_y, 0.0)),
        "slant": mixed,
        "unevenness of columns": (columns / height).std(axis=1),
        "unevenness of rows": (rows / width).std(axis=1),
    }


def _mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of each image; 0 where it has no such pixels (one row or column of pixels)."""
    if values[0:1].size == 0:
        return np.zeros(len(values))
    return np.asarray(values.reshape(len(values), -1).mean(axis=1))
