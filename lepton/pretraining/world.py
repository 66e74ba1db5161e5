"""Several processes that train one model: what they must agree on, and nothing else.

Each process deals its share of every batch; gradients are averaged by one all-reduce, and the statistics of BatchNorm
are those of the whole batch (torch's SyncBatchNorm needs a GPU). So n processes train what one would at the same
batch, up to the rounding of sums. DistributedDataParallel is not used because it wants every loss to be one call of one
module, which those of episodes and views are not; on models of this size overlapping gradients with computing saves
little.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn

from lepton.core.errors import UsageError


@dataclass(frozen=True)
class World:
    """This process among those that train; by itself unless the process group was joined before."""

    rank: int = 0
    size: int = 1

    @classmethod
    def joined(cls) -> World:
        """Return the group that this process is in."""
        return cls(dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else cls()

    @property
    def first(self) -> bool:
        """Whether this process speaks for all."""
        return self.rank == 0

    def check(self, batch_size: int) -> None:
        """Refuse a batch that cannot be shared out evenly.

        Raises:
            UsageError: If so.
        """
        if batch_size % self.size:
            raise UsageError(
                f"A batch of {batch_size} rows cannot be shared out among {self.size} processes.",
                why="Every process trains the same number of rows a step.",
                fix=[
                    f"set pretrain.batch_size to {max(1, batch_size // self.size) * self.size} in lepton.yaml",
                    "change pretrain.processes",
                ],
            )

    def share(self, rows: Tensor) -> Tensor:
        """Return this process's part of the positions of a batch."""
        return rows if self.size == 1 else rows.chunk(self.size)[self.rank]

    def average_gradients(self, module: nn.Module) -> None:
        """Replace every gradient by its mean over the processes."""
        if self.size == 1:
            return
        learning = [p for p in module.parameters() if p.requires_grad]
        # A head may have no row in this process's share; whether it has one anywhere is told by a mark beside it.
        marks = torch.tensor([float(p.grad is not None) for p in learning])
        slopes = [torch.zeros_like(p) if p.grad is None else p.grad for p in learning]
        flat = torch.cat([marks, *(slope.flatten() for slope in slopes)])
        dist.all_reduce(flat)
        start = len(marks)
        for p, mark, slope in zip(learning, flat[:start].tolist(), slopes, strict=True):
            if mark:
                p.grad = slope.copy_(flat[start : start + p.numel()].view_as(slope) / self.size)
            start += p.numel()

    def average(self, value: float) -> float:
        """Return the mean of a number over the processes."""
        if self.size == 1:
            return value
        shared = torch.tensor(value, dtype=torch.float64)
        dist.all_reduce(shared)
        return shared.item() / self.size

    def said(self, values: Mapping[str, float]) -> dict[str, float]:
        """Return the first process's numbers: what hangs on them must go the same way everywhere."""
        if self.size == 1:
            return dict(values)
        shared = torch.tensor(list(values.values()), dtype=torch.float64)
        dist.broadcast(shared, 0)
        return dict(zip(values, shared.tolist(), strict=True))

    def gather(self, state: Tensor) -> list[Tensor]:
        """Return the tensors, all of one shape, of all processes in order of rank."""
        if self.size == 1:
            return [state]
        found = [torch.empty_like(state) for _ in range(self.size)]
        dist.all_gather(found, state)
        return found

    @contextmanager
    def normalising(self, module: nn.Module) -> Iterator[None]:
        """Let every BatchNorm below `module` see the whole batch while the block runs."""
        if not dist.is_initialized():
            yield
            return
        kinds: dict[nn.Module, type[nn.Module]] = {
            one: type(one) for one in module.modules() if isinstance(one, nn.BatchNorm1d | nn.BatchNorm2d)
        }
        try:
            for one in kinds:
                one.__class__ = _Shared1d if isinstance(one, nn.BatchNorm1d) else _Shared2d
            yield
        finally:
            for one, kind in kinds.items():
                one.__class__ = kind


class _Sum(torch.autograd.Function):
    """The sum over the processes; so is its gradient."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: object, slope: Tensor) -> Tensor:
        total = slope.clone()
        dist.all_reduce(total)
        return total


class _Shared(nn.modules.batchnorm._BatchNorm):
    """BatchNorm over the rows of all processes: mean first, then the squares about it, so that nothing cancels."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised rows; see `torch.nn.BatchNorm1d`."""
        if not self.training:
            return super().forward(x)
        over = [0, *range(2, x.ndim)]
        shape = [1, -1, *[1] * (x.ndim - 2)]
        count = x.numel() // x.shape[1] * dist.get_world_size()
        mean = (_sum(x.sum(over, dtype=torch.float64)) / count).float()
        moved = x - mean.view(shape)
        variance = (_sum(moved.square().sum(over, dtype=torch.float64)) / count).float()
        with torch.no_grad():
            assert self.running_mean is not None
            assert self.running_var is not None
            assert self.num_batches_tracked is not None
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum or 0.0)
            self.running_var.lerp_(variance * count / max(1, count - 1), self.momentum or 0.0)
        scaled = moved * (variance + self.eps).rsqrt().view(shape)
        return scaled * self.weight.view(shape) + self.bias.view(shape)


class _Shared1d(_Shared, nn.BatchNorm1d):
    """For (n, c)."""


class _Shared2d(_Shared, nn.BatchNorm2d):
    """For (n, c, h, w)."""


def _sum(x: Tensor) -> Tensor:
    found: Tensor = _Sum.apply(x)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return found
