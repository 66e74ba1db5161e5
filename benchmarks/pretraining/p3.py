"""P3: one and five shots, 10-way, on a domain that no base has seen: meta-learning against plain pretraining.

Bases of 10,000 MNIST rows and all training rows of optdigits and semeion; 100 episodes each of USPS's official test
part, told by the nearest class mean of the embedding. Plain: `multitask`; then the same followed by `anil` or by
`reptile`.
"""

from __future__ import annotations

import statistics

import figures
from digits import CLASSES
from few import by_prototypes, rows_of

from lepton.core.config.settings import EncoderConfig, PretrainConfig
from lepton.pretraining import pretrain

EPISODES, COUNTS = 100, {"optdigits": 3_823, "semeion": 1_115}
LATER = {"epochs": 6, "lr": 3e-4}
KINDS = {
    "plain": PretrainConfig(objective="multitask"),
    "anil": PretrainConfig(objectives=("multitask", "anil"), stages={"anil": LATER}),
    "reptile": PretrainConfig(objectives=("multitask", "reptile"), stages={"reptile": LATER}),
}
COMMAND = "python benchmarks/pretraining --only P3"


def measure() -> list[figures.Figure]:
    """Return mean accuracy over the episodes, with its 95 % interval, of each base at one and at five shots."""
    source, found = rows_of("mnist", 10_000, 0), []
    others = {name: rows_of(name, count, 0) for name, count in COUNTS.items()}
    letters = iter("abcdef")
    for kind, config in KINDS.items():
        base = pretrain(source, CLASSES, EncoderConfig(fit="stretch"), config, threads=1, others=others).model
        for shots in (1, 5):
            each = by_prototypes(base, "usps", shots, EPISODES, seed=0)
            half = 1.96 * statistics.stdev(each) / EPISODES**0.5
            print("P3", kind, shots, round(statistics.mean(each), 2), "+-", round(half, 2), flush=True)
            found.append(
                figures.figure(
                    *(f"P3{next(letters)}", statistics.mean(each), f"%, {kind}, {shots}-shot 10-way on usps"),
                    *(EPISODES, [0], COMMAND),
                    interval95=[round(statistics.mean(each) - half, 2), round(statistics.mean(each) + half, 2)],
                )
            )
    return found
