"""T3: MNIST -> USPS with 1, 3, 5 and 7 labels a class and nothing else, the "rectified" protocol.

Each draw: 2,000 source images at random (60 % to train on, 20 % to stop by, the base's own split), so many labelled
target images of each class from the official USPS training part, no unlabelled ones. The strategy is chosen as lepton
chooses it, among its default ones, by cross-validation on these labels alone. The official USPS test part (2,007) is
read once, by what was chosen, and by the un-adapted base for comparison. Images of 28 x 28 (USPS is enlarged), pixels
0..1; the base is trained with lepton's default augmentation.
"""

from __future__ import annotations

import statistics

import figures
from digits import base, load, table, with_labels

from lepton.transfer.engine import search

PUBLISHED = {1: 89.1, 3: 92.4, 5: 93.8, 7: 94.3}
"""The best of CCSA, d-SNE and DAGE-LDA under this protocol."""
BARS = {1: 92.0, 3: 94.0, 5: 95.0, 7: 95.5}
DRAWS, SOURCE_ROWS, SIZE, EPOCHS = 10, 2000, 28, 40


def measure() -> list[figures.Figure]:
    """Return mean and deviation of the test accuracy over the draws, a figure for each number of labels."""
    return few_labels("T3", BARS, unlabelled=False, published=PUBLISHED)


def few_labels(
    name: str, bars: dict[int, float], *, unlabelled: bool, published: dict[int, float] | None = None
) -> list[figures.Figure]:
    """Return a figure for each number of labels a class.

    Args:
        name: With which their ids begin.
        bars: By number of labels.
        unlabelled: Whether the rest of the target's training part is there, without labels.
        published: By number of labels.
    """
    train, test = load("usps")
    unseen, rows = table(test, "usps-test"), table(train, "usps")
    reached: dict[int, list[float]] = {count: [] for count in bars}
    chosen: dict[int, list[str]] = {count: [] for count in bars}
    unadapted: list[float] = []
    for draw in range(DRAWS):
        model = base("mnist", draw, count=SOURCE_ROWS, size=SIZE, epochs=EPOCHS)
        for count in bars:
            shown = with_labels(rows, count, draw)
            found = search(model, shown if unlabelled else shown.labelled(), unseen, seed=draw)
            reached[count].append(100 * found.winner.metrics["accuracy"])
            chosen[count].append(found.winner.strategy)
        unadapted.append(100 * found.candidates["none"].metrics["accuracy"])
        latest = ", ".join(f"{count}: {chosen[count][-1]} {reached[count][-1]:.2f}" for count in bars)
        print(f"{name} draw {draw}: un-adapted {unadapted[-1]:.2f}, {latest}", flush=True)
    return [
        figures.figure(
            f"{name}{letter}",
            statistics.mean(reached[count]),
            "% of the test images",
            DRAWS,
            range(DRAWS),
            f"python benchmarks/transfer --only {name}",
            each=reached[count],
            sd=round(statistics.stdev(reached[count]), 4),
            labels_per_class=count,
            bar=f">= {bars[count]}",
            published=published[count] if published else None,
            unadapted=round(statistics.mean(unadapted), 4),
            unadapted_sd=round(statistics.stdev(unadapted), 4),
            chosen={strategy: chosen[count].count(strategy) for strategy in sorted(set(chosen[count]))},
        )
        for letter, count in zip("abcd", bars, strict=True)
    ]
