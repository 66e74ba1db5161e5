"""G1 and G2: how often cross-fitted labels let through what loses the margin, and how often they see a gain.

Eight candidates, drawn to be equally good, are chosen among as the search does; what is judged is what
`lepton.transfer.crossfit` makes of their answers, by the gate, at its own level.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import figures
import numpy as np

sys.path.insert(0, str(figures.ROOT))

from tests.unit.test_crossfit import MARGIN, verdict_on

COMMAND = "python benchmarks/tables --only G1"
DRAWS = 2000
ROWS, CLASSES = (6, 10, 20, 40, 100, 400), (2, 6, 10)


def measure() -> Iterator[figures.Figure]:
    """Yield the worst share of wrong promotions, and the shares of right ones."""
    wrong = {f"{rows} rows, {classes} classes": share(rows, classes, -MARGIN) for rows in ROWS for classes in CLASSES}
    yield figures.figure(
        "G1",
        max(wrong.values()),
        "% let through at a true loss of the margin, the most of any size",
        DRAWS * len(wrong),
        [0],
        COMMAND,
        bar=5,
        each_size=wrong,
    )
    for letter, rows, bar in (("a", 20, 60), ("b", 40, 85)):
        yield figures.figure(
            f"G2{letter}",
            share(rows, 2, 0.10),
            f"% let through at a true gain of 10 points, {rows} labels of 2 classes",
            DRAWS,
            [0],
            COMMAND,
            bar=bar,
        )


def share(rows: int, classes: int, gain: float) -> float:
    """Return how many of the draws pass, in percent."""
    return 100 * float(np.mean([verdict_on(rows, classes, gain, seed).passed for seed in range(DRAWS)]))
