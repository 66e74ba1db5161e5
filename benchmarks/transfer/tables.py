"""What the ladder for tables was read off: how much of the base's error a strategy removes, by labels a class.

Generated plants at four distances from the base, from bases trained for 3 and for 30 epochs, and wine of the other
colour (quality 6 and more; not shipped). 300 rows of a plant, 600 wines to adapt to; the others score.

    python -m benchmarks.transfer.tables
"""

from __future__ import annotations

import os
import statistics
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from lepton.core.config.settings import EncoderConfig, PretrainConfig
from lepton.core.table import Table
from lepton.data.columns import normalise
from lepton.models.model import Model
from lepton.pretraining import pretrain
from lepton.transfer import default_strategies, get_strategy
from lepton.transfer.bandit import remaining_error
from lepton.transfer.candidates import try_strategy
from lepton.transfer.signals import measure
from lepton.transfer.strategy import TargetData
from tests.conftest import make_plant

LABELS = (0, 1, 5, 20)
Pair = tuple[Model, Table, Table]
"""Base, rows to adapt to, unseen rows."""


def read(frame: pd.DataFrame, tag: str) -> Table:
    """Return labelled rows as lepton reads them."""
    ids = np.array([f"{tag}-{k}" for k in range(len(frame))], dtype=object)
    features = normalise(frame.drop(columns="label").reset_index(drop=True))
    return Table("tabular", ids, frame["label"].to_numpy(dtype=object), frame=features)


def base(rows: Table, epochs: int, seed: int) -> Model:
    """Return a base made of these rows."""
    classes, config = tuple(sorted(set(rows.labels))), PretrainConfig(epochs=epochs)
    return pretrain(rows, classes, EncoderConfig(), config, seed=seed, threads=1).model


def pairs(seed: int) -> Iterator[Pair]:
    """Yield plants and wines."""
    for epochs in (3, 30):
        made = base(read(make_plant(700, 0.0, seed=100 + seed), "source"), epochs, seed)
        for shift in (0.0, 0.3, 0.9, 1.5):
            rows, unseen = make_plant(300, shift, seed=200 + seed), make_plant(3000, shift, seed=300 + seed)
            yield made, read(rows, "target"), read(unseen, "unseen")
    data = Path(os.environ.get("LEPTON_SHARED_DATA", "../shared/data"))
    wine = pd.read_csv(data / "tabular" / "wine_quality_red_white.csv.gz")
    wine["label"] = (wine.pop("quality") >= 6).map({True: "yes", False: "no"})
    colours = {colour: read(rows.drop(columns="colour"), str(colour)) for colour, rows in wine.groupby("colour")}
    for source, target in (("white", "red"), ("red", "white")):
        order, rows = np.random.default_rng(seed).permutation(len(colours[target])), colours[target]
        yield base(colours[source], 30, seed), rows.take(order[:600]), rows.take(order[600:])


def shares(pair: Pair, per_class: int, seed: int) -> dict[str, float]:
    """Return the share of the base's estimated error that each strategy removes, within -1.5 and 1.5."""
    model, rows, unseen = pair
    keep, random = np.full(len(rows), False), np.random.default_rng(seed)
    for label in model.classes:
        keep[random.permutation(np.flatnonzero(rows.labels == label))[:per_class]] = True
    shown = rows.with_labels(np.where(keep, rows.labels, None))
    error = remaining_error(measure(model, TargetData.of(model, shown, inputs=False)))
    names = [n for n in default_strategies() if per_class or not get_strategy(n).needs.labels]
    reached = {n: try_strategy(n, model, shown, unseen, seed=seed, validate=False).metrics["accuracy"] for n in names}
    return {n: float(np.clip((reached[n] - reached["none"]) / error, -1.5, 1.5)) for n in names if n != "none"}


def main() -> None:
    """Print mean and standard deviation by labels a class."""
    found: dict[tuple[int, str], list[float]] = defaultdict(list)
    for seed in (0, 1):
        for pair in pairs(seed):
            for per_class in LABELS:
                for name, share in shares(pair, per_class, seed).items():
                    found[per_class, name].append(share)
    for per_class, name in found:
        values = found[per_class, name]
        mean, deviation = statistics.mean(values), statistics.stdev(values)
        print(f"{per_class:>2} {name:<12} {mean:+.2f} ± {deviation:.2f}  n={len(values)}")


if __name__ == "__main__":
    main()
