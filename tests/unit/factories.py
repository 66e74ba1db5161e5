"""Small rows and models for tests of models, pretraining and transfer. Rows are generated and learnable."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from lepton.core.config.settings import EncoderConfig, PretrainConfig
from lepton.core.table import Table, series_column
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


def sequences(n: int, k: int = 3, seed: int = 0, shift: float = 0.0) -> Table:
    """Each class is a wave of its own pace in two quantities; lengths differ, some steps are missing."""
    random = np.random.default_rng(seed)
    y = np.arange(n) % k
    lengths = random.integers(12, 25, n)
    waves, levels = [], []
    for label, steps in zip(y, lengths, strict=True):
        t = np.arange(steps) + random.uniform(0, 6)
        wave = np.sin(t * (0.3 + 0.5 * label)) + 0.2 * random.normal(size=steps) + shift
        wave[random.random(steps) < 0.05] = np.nan
        waves.append(wave)
        levels.append(100 * np.cos(label) + 10 * random.normal(size=steps))
    frame = pd.DataFrame({"wave": series_column(waves), "level": series_column(levels)})
    ids, labels = names([f"s{seed}-{j}" for j in range(n)]), names([f"c{v}" for v in y])
    return Table("sequence", ids, labels, frame=frame, series=("wave", "level"))


WORDS = (
    ("red", "rouge", "\u043a\u0440\u0430\u0441\u043d\u044b\u0439"),
    ("seven", "sept", "\u0441\u0435\u043c\u044c"),
    ("house", "maison", "\u5bb6"),
    *((f"word{k}", f"mot{k}", f"kotoba{k}") for k in range(60)),
)


def texts(n: int, k: int = 3, seed: int = 0) -> Table:
    """Each class has words of its own in three scripts, between words that all have."""
    random = np.random.default_rng(seed)
    y = np.arange(n) % k
    said = []
    for label in y:
        words = [str(random.choice(("the", "of", "and", "some", "many"))) for _ in range(4)]
        words[int(random.integers(4))] = str(random.choice(WORDS[label]))
        words.append(str(random.choice(WORDS[label])))
        said.append(" ".join(words))
    frame = pd.DataFrame({"said": names(said)})
    return Table(
        "text", names([f"x{seed}-{j}" for j in range(n)]), names([f"c{v}" for v in y]), frame=frame, texts=("said",)
    )


def mixed(n: int, k: int = 3, seed: int = 0) -> Table:
    """An image, columns, series and a text of the same class; each input is missing in one row of five."""
    random = np.random.default_rng(seed)
    parts = [images(n, k, seed=seed), columns(n, k, seed=seed), sequences(n, k, seed), texts(n, k, seed)]
    frame = pd.concat([part.frame for part in parts[1:] if part.frame is not None], axis=1)
    for names_ in (["size", "weight", "colour"], ["wave", "level"], ["said"]):
        gone = random.random(n) < 0.2
        for name in names_:
            blank = np.nan if name in ("size", "weight") else None
            frame[name] = pd.Series([blank if lost else value for value, lost in zip(frame[name], gone, strict=True)])
    return Table(
        "mixed",
        names([f"m{seed}-{j}" for j in range(n)]),
        parts[0].labels,
        images=parts[0].images,
        frame=frame,
        texts=("said",),
        series=("wave", "level"),
        pictured=random.random(n) < 0.8,
    )


MAKERS = {"image": images, "tabular": columns, "sequence": sequences, "text": texts, "mixed": mixed}


def rows(kind: str, n: int, k: int = 3, seed: int = 0) -> Table:
    return MAKERS[kind](n, k, seed=seed)


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
