"""Champions with a reference and rows to draw windows from: what M1 to M6 are measured on. Real data, never shipped."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import digits
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lepton.core.config.settings import EncoderConfig, MonitorConfig, PretrainConfig
from lepton.core.table import Table
from lepton.data.columns import normalise
from lepton.models.model import Model
from lepton.monitoring.answers import Judged, answer
from lepton.monitoring.baseline import Baseline
from lepton.pretraining import pretrain
from lepton.transfer.candidates import try_strategy

ROWS = 2000
"""Of a reference."""
HELD_OUT = 400
"""Labelled rows of a reference that the champion was not fitted to."""


@dataclass(frozen=True)
class Champion:
    """A model, rows like those that it was adapted to, and others of the same domain."""

    name: str
    model: Model
    reference: Judged
    pool: Table

    def answer(self, rows: Table) -> Judged:
        """Return rows with the model's answers."""
        return answer(self.model, rows)

    def baseline(self, learnt: bool) -> Baseline:
        """Return what windows are compared with at the default policy; `learnt`: with an estimate from simulations."""
        cache = digits.WORK / "calibration"
        return Baseline(
            "bench", self.name, self.reference, MonitorConfig(), self.answer if learnt else None, cache=cache
        )


def reference_of(model: Model, rows: Table, fitted: NDArray[np.bool_], seed: int) -> Judged:
    """Return a reference in which HELD_OUT rows are labelled besides those that the model was fitted to."""
    held = np.random.default_rng(seed).permutation(np.flatnonzero(~fitted))[:HELD_OUT]
    known = fitted.copy()
    known[held] = True
    return answer(model, rows.with_labels(np.where(known, rows.labels, None)), fitted)


def digit_champion(target: str, strategy: str, seed: int) -> Champion:
    """Return MNIST adapted to another collection with ten labels a class.

    The base reads images of 28 x 28 and was trained on all of MNIST's training images. Reference and pool are random
    parts of all that the target has: its official parts are of different writers, which is a drift of its own.
    """
    base = digits.base("mnist", seed, count=60_000, size=28, epochs=12)
    (x, y), (more, labels) = digits.load(target)
    everything = digits.table((np.concatenate([x, more]), np.concatenate([y, labels])), target)
    order = np.random.default_rng(seed).permutation(len(everything))
    rows, pool = everything.take(order[:ROWS]), everything.take(order[ROWS:])
    shown = digits.with_labels(rows, 10, seed)
    model = try_strategy(strategy, base, shown, rows, seed=seed, validate=False).model
    return Champion(f"{target}/{seed}", model, reference_of(model, rows, shown.known(), seed), pool)


def table_champion(name: str, rows: Table, seed: int, train: int, reference: int) -> Champion:
    """Return a model of the first `train` rows, a reference of those that follow, and the rest as pool."""
    classes = tuple(sorted(set(rows.labels)))
    made = pretrain(
        rows.take(np.arange(train)), classes, EncoderConfig(), PretrainConfig(epochs=20), seed=seed, threads=1
    )
    kept = rows.take(np.arange(train, train + reference))
    pool = rows.take(np.arange(train + reference, len(rows)))
    usual = reference_of(made.model, kept, np.zeros(len(kept), dtype=bool), seed)
    return Champion(f"{name}/{seed}", made.model, usual, pool)


def wines(colour: str, seed: int) -> Table:
    """Return wines of a colour in random order; the label is whether the quality is 6 or more."""
    frame = pd.read_csv(digits.shared().parent / "tabular" / "wine_quality_red_white.csv.gz")
    frame["label"] = np.where(frame.pop("quality") >= 6, "yes", "no")
    chosen = frame[frame.pop("colour") == colour]
    return read_table(chosen.sample(frac=1, random_state=seed), colour)


def weather() -> Table:
    """Return the days of the weather station in order of time; the label is whether it rained."""
    frame = pd.read_csv(digits.shared().parent / "tabular" / "noaa_weather.csv.gz")
    label = frame.columns[-1]
    return read_table(frame.rename(columns={label: "label"}).astype({"label": str}), "day")


def read_table(frame: pd.DataFrame, tag: str) -> Table:
    """Return rows of a file as lepton reads them; ids are `tag-position`."""
    ids = np.array([f"{tag}-{k}" for k in range(len(frame))], dtype=object)
    labels = frame["label"].to_numpy(dtype=object)
    return Table("tabular", ids, labels, frame=normalise(frame.drop(columns="label").reset_index(drop=True)))


CHAMPIONS = [
    partial(digit_champion, target, strategy, seed)
    for target, strategy in (("usps", "finetune"), ("optdigits", "lora"))
    for seed in (0, 1, 2)
]
