"""T3: MNIST -> USPS with 1, 3, 5 and 7 labels a class and nothing else, the "rectified" protocol.

Each draw: 2,000 source images at random (60 % to train on, 20 % to stop by, the base's own split), so many labelled
target images of each class from the official USPS training part, no unlabelled ones. The strategy is chosen as lepton
chooses it, among its default ones, by cross-validation on these labels alone. The official USPS test part (2,007) is
read once, by what was chosen, and by the un-adapted base for comparison. Images of 28 x 28 (USPS is enlarged), pixels
0..1; the base is trained with lepton's default augmentation.
"""

from __future__ import annotations

import json
import statistics
from collections import Counter
from dataclasses import asdict, dataclass

import figures
from digits import WORK, base, load, table, with_labels

from lepton.core.work.files import atomic_write
from lepton.transfer.search import Ground, search

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
    done = {count: [one(draw, count, unlabelled) for draw in range(DRAWS)] for count in bars}
    unadapted = [drawn.unadapted for drawn in done[min(bars)]]
    return [
        figures.figure(
            f"{name}{letter}",
            statistics.mean(drawn.reached for drawn in done[count]),
            "% of the test images",
            DRAWS,
            range(DRAWS),
            f"python benchmarks/transfer --only {name}",
            each=[drawn.reached for drawn in done[count]],
            sd=round(statistics.stdev(drawn.reached for drawn in done[count]), 4),
            labels_per_class=count,
            bar=f">= {bars[count]}",
            published=published[count] if published else None,
            unadapted=round(statistics.mean(unadapted), 4),
            unadapted_sd=round(statistics.stdev(unadapted), 4),
            chosen=dict(sorted(Counter(drawn.chosen for drawn in done[count]).items())),
            seconds=round(statistics.mean(drawn.seconds for drawn in done[count]), 1),
        )
        for letter, count in zip("abcd", bars, strict=True)
    ]


@dataclass(frozen=True)
class Drawn:
    """What one draw came to."""

    unadapted: float
    """% of the test images."""
    reached: float
    chosen: str
    tried: list[str]
    seconds: float
    """Of all that was tried."""


def one(draw: int, count: int, unlabelled: bool) -> Drawn:
    """Return what `lepton transfer` comes to, with no option; kept on disk for this state of the code."""
    kept = WORK / "few" / figures.code() / f"{draw}-{count}-{'all' if unlabelled else 'labelled'}.json"
    if not kept.exists():
        train, test = load("usps")
        shown = with_labels(table(train, "usps"), count, draw)
        model = base("mnist", draw, count=SOURCE_ROWS, size=SIZE, epochs=EPOCHS)
        rows = shown if unlabelled else shown.labelled()
        found = search(Ground(model, rows, table(test, "usps-test"), seed=draw))
        drawn = Drawn(
            unadapted=100 * found.candidates["none"].metrics["accuracy"],
            reached=100 * found.winner.metrics["accuracy"],
            chosen=found.ranking[0].label,
            tried=list(found.candidates),
            seconds=found.seconds,
        )
        print(kept.stem, drawn, flush=True)
        atomic_write(kept, json.dumps(asdict(drawn)) + "\n")
    return Drawn(**json.loads(kept.read_text()))
