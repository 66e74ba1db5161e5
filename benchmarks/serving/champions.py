"""A champion of each kind, made through the front door, and ten thousand rows for it that nobody delivered."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import deliveries
import numpy as np
import pandas as pd

import lepton

ROWS = int(os.environ.get("LEPTON_ROWS", "10000"))
SETTINGS = {
    "LEPTON_PRETRAIN__EPOCHS": "6",
    "LEPTON_TRANSFER__MARGIN": "0.5",
    "LEPTON_TRANSFER__PROVISIONAL": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
"""A wide margin, so that an adapted version serves; how good it is is no question here."""
ODD = (
    None,
    "",
    "e\u0301le\u0300ve nai\u0308f",
    "\U0001f469\u200d\U0001f52c " * 40,
    "\u5bb6" * 300,
    '<b>&amp;</b>, "quoted"\nand broken',
    "\u043a\u0440\u0430\u0441\u043d\u044b\u0439" * 30,
)
"""Texts that end within a character, have several forms, or none."""


@dataclass(frozen=True)
class Served:
    """A workspace whose target has a champion."""

    ws: lepton.Workspace
    target: str
    rows: Any
    """`ROWS` rows as `Champion.predict` takes them: a DataFrame, or images (n, 1, H, W)."""


def tables() -> pd.DataFrame:
    """Return readings of a plant, some beyond every range and of a line that nobody knows."""
    found = deliveries.plant(ROWS, 0.3, 40, labelled=False)
    random = np.random.default_rng(41)
    found.loc[random.random(ROWS) < 0.02, "heat"] *= 1e6
    found.loc[random.random(ROWS) < 0.05, "line"] = "east, <b>"
    found.loc[random.random(ROWS) < 0.05, "line"] = None
    return found


def digits() -> np.ndarray[Any, Any]:
    """Return scikit-learn's digits again and again, under noise of its own each."""
    from sklearn.datasets import load_digits

    images = (load_digits().images * 15).astype(np.int64)[np.arange(ROWS) % 1797, None]
    noise = np.random.default_rng(40).integers(-30, 31, images.shape)
    return (images + noise).clip(0, 255).astype(np.uint8)


def texts() -> pd.DataFrame:
    """Return short texts, one in ten of them odd."""
    said = deliveries._said(ROWS, 40)["said"].astype(object)
    for row in range(0, ROWS, 10):
        said[row] = ODD[row // 10 % len(ODD)]
    return pd.DataFrame({"said": said})


MADE: dict[str, Callable[[], Any]] = {"tables": tables, "digits": digits, "texts": texts}


@cache
def served(kind: str) -> Served:
    """Return the champion of a kind; made once, and gone with the process."""
    folder = Path(_KEPT.name, kind)
    folder.mkdir()
    source, target = deliveries.KINDS[kind](folder)
    with _settings():
        label = {"texts": ["said"]} if kind == "texts" else {}
        ws = lepton.init(folder / "ws", source, label="label", progress=False, **label)
        ws.ingest(source.stem, source)
        ws.pretrain()
        ws.ingest(target.stem, target, new=True)
        ws.transfer(target.stem, strategies=("probe",))
    return Served(ws, target.stem, MADE[kind]())


_KEPT = tempfile.TemporaryDirectory(prefix="lepton-serving-")


@contextmanager
def _settings() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in SETTINGS}
    os.environ.update(SETTINGS)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
