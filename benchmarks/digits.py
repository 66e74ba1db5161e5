"""Four collections of handwritten digits, as every figure of this folder uses them; never shipped."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import figures
import numpy as np
from numpy.typing import NDArray

from lepton.core.config.settings import EncoderConfig, PretrainConfig
from lepton.core.table import Table
from lepton.core.work.files import digest
from lepton.models import format as model_format
from lepton.models.model import Model
from lepton.pretraining import pretrain

CLASSES = tuple("0123456789")
NAMES = ("mnist", "usps", "optdigits", "semeion")
WORK = figures.ROOT / ".lepton" / "bench"
"""Bases and raw runs, computed once; remove it to start over."""

Arrays = tuple[NDArray[np.uint8], NDArray[np.int64]]


def shared() -> Path:
    """Return the folder of the digits, or end with a word on where it should be."""
    folder = Path(os.environ.get("LEPTON_SHARED_DATA", figures.ROOT.parent / "shared" / "data")) / "digits"
    if not folder.is_dir():
        raise SystemExit(f"{folder} does not exist: set LEPTON_SHARED_DATA to the folder that has digits/ in it")
    return folder


@cache
def load(name: str) -> tuple[Arrays, Arrays]:
    """Return (train, test), images (n, h, w) with labels: the official parts; of semeion 70 % and 30 % at random."""
    path = shared() / ("optdigits32.npz" if name == "optdigits" else f"{name}.npz")
    with np.load(path) as found:
        if name == "semeion":
            order = np.random.default_rng(0).permutation(len(found["x"]))
            x, y, cut = found["x"][order], found["y"][order].astype(np.int64), int(0.7 * len(order))
            x = x if x.max() > 1 else x * 255
            return (x[:cut].astype(np.uint8), y[:cut]), (x[cut:].astype(np.uint8), y[cut:])
        parts = []
        for part in ("train", "test"):
            x, y = found[f"x_{part}"], found[f"y_{part}"].astype(np.int64)
            parts.append((np.unpackbits(x, axis=2) * np.uint8(255) if name == "optdigits" else x, y))
    return parts[0], parts[1]


def table(rows: Arrays, tag: str) -> Table:
    """Return labelled rows as lepton reads them; ids are `tag-position`."""
    x, y = rows
    ids = np.array([f"{tag}-{k}" for k in range(len(x))], dtype=object)
    return Table("image", ids, np.array([str(v) for v in y], dtype=object), images=np.ascontiguousarray(x[:, None]))


def some(rows: Arrays, count: int, seed: int) -> Arrays:
    """Return `count` rows at random, or all if there are no more."""
    x, y = rows
    chosen = np.random.default_rng(seed).permutation(len(x))[:count]
    return x[chosen], y[chosen]


def with_labels(target: Table, per_class: int, seed: int) -> Table:
    """Return the rows with the labels of `per_class` random rows of each class, and of no other."""
    random, keep = np.random.default_rng(1000 + seed), np.full(len(target), False)
    for label in CLASSES:
        keep[random.permutation(np.flatnonzero(target.labels == label))[:per_class]] = True
    return target.with_labels(np.where(keep, target.labels, None))


def base(source: str, seed: int, *, count: int, size: int, epochs: int) -> Model:
    """Return a base made of `count` rows of a source (60 % to train on, 20 % to stop by), from disk if it is there."""
    made = WORK / "bases" / f"{source}-{count}-{size}-{epochs}-{seed}-{digest(EncoderConfig().model_dump())[:8]}"
    if not made.exists():
        rows = table(some(load(source)[0], count, seed), source)
        encoder, config = EncoderConfig(image_size=size), PretrainConfig(epochs=epochs)
        model_format.save(pretrain(rows, CLASSES, encoder, config, seed=seed, threads=1).model, made)
    return model_format.load(made)
