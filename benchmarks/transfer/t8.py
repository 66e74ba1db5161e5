"""T8: a residual adapter on 500 cached rows, 100 steps, beside the bare torch loop on the same tensors.

Both in one process, in turns, on one thread; the figure is the median of the ratios. The bare loop is what one would
type: the same bottleneck and head, AdamW, cross-entropy; no noise, no penalty, no schedule, no copy of the model.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import figures
import torch
from digits import base, load, some, table
from torch.nn import functional as F

from lepton.models.adapters import Bottleneck
from lepton.models.device import repeatable
from lepton.models.features import FeatureCache
from lepton.models.model import Model
from lepton.transfer.residual import Residual, ResidualConfig
from lepton.transfer.strategy import TargetData

ROWS, STEPS, TURNS = 500, 100, 21


def measure() -> list[figures.Figure]:
    """Return the ratio, and what the strategy alone takes of it."""
    model = base("mnist", 0, count=2000, size=28, epochs=2)
    rows = table(some(load("usps")[0], ROWS, 0), "usps")
    strategy = Residual(ResidualConfig(steps=STEPS))
    with tempfile.TemporaryDirectory() as folder, repeatable(1):
        cache = FeatureCache(Path(folder))
        cache.get(model, rows)  # the encoder reads the rows once; from then on they are cached
        target = TargetData.of(model, rows, cache, inputs=False)

        def whole() -> None:
            strategy.adapt(model, TargetData.of(model, rows, cache, inputs=False), 0)

        def alone() -> None:
            strategy.adapt(model, target, 0)

        works: list[Callable[[], None]] = [whole, alone, lambda: bare(model, target)]
        for work in works:
            work()
        took = [[_seconds(work) for work in works] for _ in range(TURNS)]
    ratios = {"T8": [w / b for w, _, b in took], "T8a": [a / b for _, a, b in took]}
    notes = {
        "T8": "features read from the cache, adapter fitted, model made",
        "T8a": "adapter fitted and model made, features in memory",
    }
    return [
        figures.figure(
            name,
            statistics.median(found),
            "times the bare loop",
            TURNS,
            [0],
            "python benchmarks/transfer --only T8",
            bar="<= 2",
            what=notes[name],
            bare_seconds=round(statistics.median(b for _, _, b in took), 4),
            rows=ROWS,
            steps=STEPS,
            threads=1,
        )
        for name, found in ratios.items()
    ]


def bare(model: Model, target: TargetData) -> None:
    """Fit the same bottleneck and head without lepton."""
    adapter, head = Bottleneck(model.feature_dim, ResidualConfig.width), deepcopy(model.head)
    optimiser = torch.optim.AdamW([*adapter.parameters(), *head.parameters()], lr=ResidualConfig.lr)
    h, y = target.features, target.labels
    for _ in range(STEPS):
        loss = F.cross_entropy(head(h + adapter(h)), y)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()


def _seconds(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
