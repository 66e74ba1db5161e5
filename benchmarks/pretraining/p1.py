"""P1: what unlabelled rows are worth, with 100 labels of the source.

100 MNIST labels (80 to learn from, 20 to stop by) and 20,000 rows without labels of MNIST, USPS and optdigits; then a
probe on 10 labels a class of USPS and of optdigits, read on their official test parts. Beside it the same labels alone.
Pixels 0..1, 28 x 28. Rows of a test split are never seen: of 25,000 rows 80 % are.
"""

from __future__ import annotations

import statistics

import figures
import numpy as np
from digits import CLASSES
from few import probed, rows_of, with_few_labels

from lepton.core.config.settings import EncoderConfig, PretrainConfig
from lepton.models.model import Model
from lepton.pretraining import pretrain

SEEDS, TARGETS = 5, ("usps", "optdigits")
COUNTS = {"mnist": 14_000, "usps": 7_291, "optdigits": 3_709}
CHAIN = PretrainConfig(objectives=("vicreg",), stages={"vicreg": {"epochs": 40, "patience": 40, "lr": 2e-3}})
"""The head is logistic regression on the hundred labels: a supervised stage after it forgets what the rows taught."""
ALONE = PretrainConfig(epochs=120, batch_size=40)
COMMAND = "python benchmarks/pretraining --only P1"


def made(config: PretrainConfig, seed: int) -> Model:
    """Return the base of 100 labels, and of the rows without labels if the chain has a use for them."""
    rows = {name: rows_of(name, count, seed) for name, count in COUNTS.items()}
    source = with_few_labels(rows.pop("mnist"), 80, 20)
    others = {name: table.with_labels(np.full(len(table), None, dtype=object)) for name, table in rows.items()}
    encoder = EncoderConfig(fit="stretch")
    return pretrain(source, CLASSES, encoder, config, seed=seed, threads=1, others=others).model


def measure() -> list[figures.Figure]:
    """Return the mean gain of the chain over the labels alone, and both means."""
    found: dict[str, list[float]] = {"chain": [], "alone": []}
    for seed in range(SEEDS):
        for name, config in (("chain", CHAIN), ("alone", ALONE)):
            base = made(config, seed)
            each = [probed(base, target, 10, seed) for target in TARGETS]
            found[name].append(statistics.mean(each))
            print("P1", seed, name, [round(one, 2) for one in each], flush=True)
    gains = [a - b for a, b in zip(found["chain"], found["alone"], strict=True)]
    unit = "% of the test images, mean of usps and optdigits"
    return [
        figures.figure(
            *("P1a", statistics.mean(gains), "points gained over the labels alone", SEEDS, range(SEEDS), COMMAND),
            each=gains,
            sd=round(statistics.stdev(gains), 4),
            bar=">= 5",
            chain=list(CHAIN.chain),
        ),
        *(
            figures.figure(
                *(name, statistics.mean(found[key]), f"{unit}, {key}", SEEDS, range(SEEDS), COMMAND), each=found[key]
            )
            for name, key in (("P1b", "chain"), ("P1c", "alone"))
        ),
    ]
