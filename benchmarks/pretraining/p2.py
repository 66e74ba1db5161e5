"""P2: three labelled collections against one: a multitask base of MNIST, optdigits and semeion beside one of MNIST.

10,000 MNIST rows and all training rows of the others; probe on 5 labels a class of USPS, read on its official test
part.
"""

from __future__ import annotations

import statistics

import figures
from digits import CLASSES
from few import probed, rows_of

from lepton.core.config.settings import EncoderConfig, PretrainConfig
from lepton.models.model import Model
from lepton.pretraining import pretrain

SEEDS, TARGET, SHOTS = 5, "usps", 5
COUNTS = {"optdigits": 3_823, "semeion": 1_115}
KINDS = {
    "single": PretrainConfig(),
    "uncertainty": PretrainConfig(objective="multitask"),
    "equal": PretrainConfig(objective="multitask", weighting="equal"),
}
COMMAND = "python benchmarks/pretraining --only P2"


def made(kind: str, seed: int) -> Model:
    """Return a base."""
    others = {} if kind == "single" else {name: rows_of(name, count, seed) for name, count in COUNTS.items()}
    encoder = EncoderConfig(fit="stretch")
    source = rows_of("mnist", 10_000, seed)
    return pretrain(source, CLASSES, encoder, KINDS[kind], seed=seed, threads=1, others=others).model


def measure() -> list[figures.Figure]:
    """Return the mean gain of the multitask base, the gain of learnt over equal weights, and the three means."""
    found: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for seed in range(SEEDS):
        for kind, values in found.items():
            base = made(kind, seed)
            # Five draws of the labels: fifty labels more or less lucky would drown what the bases differ in.
            values.append(statistics.mean(probed(base, TARGET, SHOTS, draw) for draw in range(5)))
        print("P2", seed, {kind: round(values[-1], 2) for kind, values in found.items()}, flush=True)

    def gain(over: str) -> list[float]:
        return [a - b for a, b in zip(found["uncertainty"], found[over], strict=True)]

    shared = (SEEDS, range(SEEDS), COMMAND)
    return [
        figures.figure(
            *("P2a", statistics.mean(gain("single")), "points gained over the single source", *shared),
            each=gain("single"),
            bar=">= 1",
        ),
        figures.figure(
            *("P2b", statistics.mean(gain("equal")), "points gained by learnt over equal weights", *shared),
            each=gain("equal"),
            bar=">= 0",
        ),
        *(
            figures.figure(
                *(name, statistics.mean(found[kind]), f"% of the test images, {kind}", *shared), each=found[kind]
            )
            for name, kind in (("P2c", "single"), ("P2d", "uncertainty"), ("P2e", "equal"))
        ),
    ]
