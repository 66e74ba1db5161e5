"""Learning rates over time."""

from __future__ import annotations

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def one_cycle(optimiser: Optimizer, steps: int, warm: float = 0.25) -> LambdaLR:
    """Return a schedule that rises to each group's own rate over the first `warm` share and falls to zero by cosine.

    After Smith & Topin 2018. Unlike torch's `OneCycleLR` it works for any number of steps, however small.

    Args:
        optimiser: Its rates are the peaks.
        steps: Calls of `step()` to come.
        warm: Share of them that rises.
    """
    rising = max(1, round(warm * steps))

    def share(done: int) -> float:
        if done < rising:
            return (1 - math.cos(math.pi * (done + 1) / (rising + 1))) / 2
        return (1 + math.cos(math.pi * min(1.0, (done - rising) / max(1, steps - rising)))) / 2

    return LambdaLR(optimiser, share)


def batches(rows: int, epochs: int, batch_size: int, fewest: int, most: int) -> int:
    """Return how many batches so many passes over the rows are, within limits that keep the cost known."""
    return min(max(math.ceil(rows * epochs / batch_size), fewest), most)
