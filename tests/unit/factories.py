"""Small rows and models for tests of models, pretraining and transfer. Rows are generated and learnable."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from lepton.core.config import EncoderConfig, PretrainConfig
from lepton.core.table import Table
from lepton.models.model import Model
from lepton.pretraining import pretrain

SMALL = EncoderConfig(width=4, features=8, image_size=12, fit="stretch")


def names(values: list[str | None]) -> np.ndarray:
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found


def classes_of(k: int) -> tuple[str, ...]:
    return tuple(f"c{i}" for i in range(k))


def images(n: int, k: int = 3, shape: tuple[int, int, int] = (1, 10, 10), seed: int = 0, dtype: str = "uint8") -> Table:
    """Each class is a bright block at a place of its own, on a dark and noisy ground."""
    random = np.random.default_rng(seed)
    c, h, w = shape
    y = np.arange(n) % k
    x = random.uniform(0, 0.25, (n, c, h, w))
    cells = int(np.ceil(np.sqrt(k)))
    tall, wide = max(1, h // cells), max(1, w // cells)
    for row, label in enumerate(y):
        top, left = label // cells * tall, label % cells * wide
        x[row, :, top : top + tall, left : left + wide] += 0.7
    pixels = np.rint(x * 255).clip(0, 255).astype(np.uint8) if dtype == "uint8" else x.astype(np.float32)
    return Table("image", names([f"i{seed}-{j}" for j in range(n)]), names([f"c{v}" for v in y]), images=pixels)


def columns(n: int, k: int = 3, seed: int = 0, shift: float = 0.0) -> Table:
    """Two numbers and a category tell the class; one number in ten is missing."""
    random = np.random.default_rng(seed)
    y = np.arange(n) % k
    size = y + random.normal(0, 0.3, n) + shift
    weight = np.where(random.random(n) < 0.1, np.nan, 10 * np.cos(y) + random.normal(0, 1, n))
    colour = np.where(random.random(n) < 0.9, np.array(["red", "green", "blue"])[y % 3], "grey").astype(object)
    frame = pd.DataFrame({"size": size, "weight": weight, "colour": colour})
    return Table("tabular", names([f"t{seed}-{j}" for j in range(n)]), names([f"c{v}" for v in y]), frame=frame)


def rows(kind: str, n: int, k: int = 3, seed: int = 0) -> Table:
    return images(n, k, seed=seed) if kind == "image" else columns(n, k, seed=seed)


@cache
def base(kind: str, k: int = 3) -> Model:
    """A base trained for a moment; tests must not change it."""
    config = PretrainConfig(epochs=2, batch_size=32, lr=1e-2)
    return pretrain(rows(kind, max(240, 6 * k), k, seed=1), classes_of(k), SMALL, config, seed=0, threads=1).model


def damage(path: Path) -> None:
    """Flip one byte in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(bytes(content))
