"""What the methods share that train the encoder on rows without labels: batches, a running mean of weights, the rates.

BatchNorm is the field's classic trap here. These methods train in train mode, so that batches are normalised by the
target's own statistics; what they return is a running mean of weights *and* statistics, read in eval mode. So an
adapted model carries the target's statistics, and answers for a row do not depend on the rows beside it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.optim import AdamW
from torch.optim.swa_utils import AveragedModel

from lepton.models.augment import LIGHT, augment
from lepton.models.device import generator
from lepton.models.model import Model
from lepton.models.schedules import one_cycle
from lepton.transfer.losses import cross_entropy, seen_classes
from lepton.transfer.strategy import TargetData

FEWEST = 8
"""Rows below which a batch's statistics mean nothing: the base is returned as it is."""
ENOUGH = 256
"""Rows, two batches, below which the planner does not try it: with the ten to seventy rows of the few-label figure T3
it was chosen for its confidence, and lost 0.7 to 6 points against the un-adapted base."""
MEMORY = 0.99
"""Of the running mean of weights; it forgets faster at the start."""
WEIGHT_DECAY = 1e-3
LABELLED = 64
"""Most labelled rows a step."""
SMOOTHING = 0.05


class Training:
    """One run: the model that learns, its running mean, and where its batches come from.

    Args:
        base: Left untouched; its adapters and head are part of the copy that learns, and stay frozen.
        target: With prepared rows.
        steps: Batches to come.
        batch_size: Rows a batch.
        lr: Peak rate of AdamW.
        seed: Of batches and augmentation.
    """

    def __init__(self, base: Model, target: TargetData, steps: int, batch_size: int, lr: float, seed: int) -> None:
        if target.inputs is None:
            raise ValueError("this strategy needs the prepared rows: TargetData.of(..., inputs=True)")
        self.inputs: Tensor = target.inputs
        self.labels = target.labels
        self.known = torch.nonzero(target.labels >= 0).flatten()
        self.seen = seen_classes(target.labels[self.known])
        self.steps, self.batch_size = steps, min(batch_size, len(target))
        self.source = generator(seed)
        self.student = base.replace()
        self.mean = AveragedModel(self.student, avg_fn=_forgetting, use_buffers=True)
        self._lr = lr
        self._order = torch.empty(0, dtype=torch.int64)

    def run(
        self,
        loss_of: Callable[[Tensor], Tensor],
        refresh: Callable[[Model, Tensor], None] = lambda teacher, coming: None,
        refreshes: int = 1,
    ) -> Model:
        """Return the running mean after all steps; the start itself, where the encoder has no weight to learn.

        Args:
            loss_of: Loss of a batch, given by the positions (b,) of its rows.
            refresh: Called with a teacher in eval mode, first with the student as it starts, then at even distances;
                and with the positions of the rows that batches read until the next call and of all labelled ones.
            refreshes: How often.
        """
        weights = list(self.student.encoder.parameters())
        if not weights:
            return self.student.replace()
        optimiser = AdamW(weights, lr=self._lr, weight_decay=WEIGHT_DECAY)
        rates = one_cycle(optimiser, self.steps, warm=0.1)
        every = max(1, self.steps // refreshes)
        for step in range(self.steps):
            if step % every == 0:
                refresh(self.teacher() if step else self.student.replace(), self._coming(every))
                self.student.train()
            loss = loss_of(self._batch())
            if len(self.known):
                loss = loss + self._supervised()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            optimiser.step()
            rates.step()
            self.mean.update_parameters(self.student)
        return self.teacher()

    def teacher(self) -> Model:
        """Return the running mean of the student as a model of its own, in eval mode."""
        mean = self.mean.module
        assert isinstance(mean, Model)
        return mean.replace()

    def _coming(self, steps: int) -> Tensor:
        """Return the positions of the rows of the next batches: all rows, unless they are too many to be dealt."""
        wanted = steps * self.batch_size
        if wanted >= len(self.inputs):
            return torch.arange(len(self.inputs))
        while len(self._order) < wanted:
            self._order = torch.cat([self._order, torch.randperm(len(self.inputs), generator=self.source)])
        coming: Tensor = torch.unique(torch.cat([self._order[:wanted], self.known]))
        return coming

    def _batch(self) -> Tensor:
        """Return the positions of the next rows; each pass deals all rows in a new order."""
        if len(self._order) < self.batch_size:
            self._order = torch.randperm(len(self.inputs), generator=self.source)
        at, self._order = self._order[: self.batch_size], self._order[self.batch_size :]
        return at

    def _supervised(self) -> Tensor:
        """Return the loss of some labelled rows, drawn with replacement: a handful must count in every step."""
        count = min(LABELLED, max(16, len(self.known)))
        at = self.known[torch.randint(len(self.known), (count,), generator=self.source)]
        logits = self.student(augment(self.inputs[at], self.student.inputs, LIGHT, self.source))
        return cross_entropy(logits, self.labels[at], self.seen, SMOOTHING)


def _forgetting(mean: Tensor, now: Tensor, seen: Tensor | int) -> Tensor:
    """Return the running mean of floats, the newest of counters."""
    if not now.is_floating_point():
        return now
    keep = min(MEMORY, (1 + float(seen)) / (10 + float(seen)))
    return mean.lerp(now, 1 - keep)
