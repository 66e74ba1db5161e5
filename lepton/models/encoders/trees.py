"""Encoder for tables that learns without gradient: boosted trees, whose margins round by round are the embedding.

The trees (`lepton.models.boosting`) lie in tensors, and a row walks all of them at once, level by level: an answer
needs torch alone, is exported like any other, and takes exactly the leaves that the library would take.

The embedding are partial sums of margins: the rounds are cut into blocks, and each block's margin of each class is a
coordinate, of unit variance over the source's rows. A linear head that weighs them all alike is the boosted ensemble
itself; early blocks hold what is true of most rows, late ones what sets few apart, and a head that is fitted to a
target may believe one more than the other. Coordinates beyond those are 0: `encoder.features` is a limit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lepton.core.config.settings import EncoderConfig
from lepton.core.errors import LeptonError
from lepton.core.work import Progress, silent
from lepton.models.boosting import DEPTH, LEAVES, SPLITS, Grown, grow
from lepton.models.encoders.base import Encoder
from lepton.models.layout import Layout

BLOCKS = 8
"""Most blocks of rounds, of both ensembles together."""

AT_ONCE = 4096
"""Rows whose sums are taken at once."""


class Trees(Encoder):
    """(n, columns) -> (n, features)."""

    name = "trees"
    kinds = ("tabular",)
    tried_for = ("tabular",)
    by_gradient = False

    feature: Tensor
    """(coordinates, trees a coordinate, SPLITS) int32: the column that a split asks, breadth first."""
    threshold: Tensor
    """Likewise, float32: a value that is not above it goes left."""
    leaf: Tensor
    """(coordinates, trees a coordinate, LEAVES) float32: what a row in that place adds to the coordinate."""

    def __init__(self, config: EncoderConfig, layout: Layout) -> None:
        super().__init__(config, layout)
        self._rounds: tuple[int, ...] = ()
        self._plant(torch.zeros(0, 0, SPLITS, dtype=torch.int32), torch.zeros(0, 0, SPLITS), torch.zeros(0, 0, LEAVES))

    def _plant(self, feature: Tensor, threshold: Tensor, leaf: Tensor) -> None:
        self.register_buffer("feature", feature)
        self.register_buffer("threshold", threshold)
        self.register_buffer("leaf", leaf)

    def fit(
        self,
        rows: Tensor,
        labels: Tensor,
        classes: int,
        seed: int,
        progress: Progress = silent,
        again: bool = False,
    ) -> nn.Linear:
        """Grow the trees, and return the head by which they answer; see `Encoder.fit`.

        Raises:
            LeptonError: If the embedding has not a coordinate for each class.
            MissingPackage: If LightGBM is not installed.
        """
        x, y = rows.detach().cpu(), labels.cpu().numpy()
        grown = grow(x.numpy(), y, seed, progress, self._rounds if again else ())
        self._rounds = grown.rounds
        if grown.margins > self.feature_dim:
            raise LeptonError(
                f"Encoder {self.name!r} needs a coordinate of the embedding for each of the {grown.margins} classes.",
                why=f"encoder.features is {self.feature_dim}.",
                fix=[f"set encoder.features to {grown.margins} or more in lepton.yaml", "name another encoder"],
            )
        feature, threshold, leaf = _in_blocks(grown, max(1, min(BLOCKS, self.feature_dim // grown.margins)))
        self._plant(feature, threshold, leaf.float())
        sums = torch.cat([self._sums(part).double() for part in torch.split(x, AT_ONCE)])
        mean, spread = sums.mean(dim=0), sums.std(dim=0)
        spread = torch.where(spread > 1e-6, spread, 1.0)
        leaf = (leaf - mean[:, None, None] / leaf.shape[1]) / spread[:, None, None]
        self._plant(feature, threshold, leaf.float())
        return _head(grown, mean, spread, self.feature_dim, np.bincount(y, minlength=classes))

    def forward(self, x: Tensor) -> Tensor:
        """Return the embedding (n, d)."""
        sums = self._sums(x)
        return nn.functional.pad(sums, (0, self.feature_dim - sums.shape[1]))

    def _sums(self, x: Tensor) -> Tensor:
        """Return (n, coordinates) what the leaves that rows (n, columns) fall into add up to."""
        n, (coordinates, trees, _) = x.shape[0], self.leaf.shape
        count = coordinates * trees
        feature, threshold = self.feature.flatten().long(), self.threshold.flatten()
        first = torch.arange(count, device=x.device) * SPLITS
        at = torch.zeros(n, count, dtype=torch.int64, device=x.device)
        for _ in range(DEPTH):
            split = at + first
            right = x.gather(1, feature[split]) > threshold[split]
            at = 2 * at + 1 + right.long()
        found = self.leaf.flatten()[at - SPLITS + torch.arange(count, device=x.device) * LEAVES]
        return found.reshape(n, coordinates, trees).sum(dim=2)

    def receive(self, tensors: Mapping[str, Tensor]) -> None:
        """Make room for as many trees as there are stored; see `Encoder.receive`.

        Raises:
            ValueError: If they are no trees of this size, or ask columns that rows do not have.
        """
        feature, threshold, leaf = (tensors[name] for name in ("feature", "threshold", "leaf"))
        if feature.ndim != 3 or feature.shape[2] != SPLITS or feature.shape[0] > self.feature_dim:
            raise ValueError(f"trees of the shape {tuple(feature.shape)}")
        if threshold.shape != feature.shape or leaf.shape != (*feature.shape[:2], LEAVES):
            raise ValueError("splits and leaves do not belong together")
        if feature.dtype != torch.int32 or (feature.numel() and not 0 <= feature.min() <= feature.max() < self.columns):
            raise ValueError(f"a split asks none of the {self.columns} columns")
        self._plant(torch.zeros_like(feature), torch.zeros(threshold.shape), torch.zeros(leaf.shape))

    @property
    def columns(self) -> int:
        """How many numbers a prepared row has."""
        return self.layout.shape[0]

    def depth_groups(self) -> list[nn.Module]:
        """Return no part: nothing learns by gradient."""
        return []


def _in_blocks(grown: Grown, most: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return features, thresholds and leaves (float64) of the trees, those of one coordinate side by side.

    Block after block, and in each margin after margin. A place that no tree fills has one that adds nothing.

    Args:
        grown: The ensembles; their mean is what the coordinates add up to.
        most: Blocks, unless there are more ensembles.
    """
    rounds = grown.rounds
    most = max(most, len(rounds))
    size = next(size for size in range(1, sum(rounds) + 1) if sum(-(-r // size) for r in rounds) <= most)

    def laid(arrays: Sequence[NDArray[Any]]) -> Tensor:
        return torch.from_numpy(np.concatenate([_cut(one, grown.margins, size) for one in arrays]))

    return (
        laid([ensemble.feature for ensemble in grown.ensembles]),
        laid([ensemble.threshold for ensemble in grown.ensembles]),
        laid([ensemble.leaf / len(rounds) for ensemble in grown.ensembles]),
    )


def _cut(trees: NDArray[Any], margins: int, size: int) -> NDArray[Any]:
    """Return trees (rounds x margins, m) as (blocks x margins, size, m), the last block filled up with zeros."""
    rounds = trees.reshape(-1, margins, trees.shape[1])
    full = np.zeros((-(-len(rounds) // size) * size, *rounds.shape[1:]), dtype=trees.dtype)
    full[: len(rounds)] = rounds
    return full.reshape(-1, size, *rounds.shape[1:]).swapaxes(1, 2).reshape(-1, size, trees.shape[1])


def _head(grown: Grown, mean: Tensor, spread: Tensor, features: int, counts: NDArray[np.int64]) -> nn.Linear:
    """Return the head that answers as the ensembles do.

    A class without a row is answered as if half a row had been of it.

    Args:
        grown: Tells which margin speaks for which class.
        mean: (coordinates,) of each, before it was centred.
        spread: (coordinates,) by which it was divided.
        features: d, size of the embedding.
        counts: (k,) rows of each class.
    """
    k = len(counts)
    weight, bias = torch.zeros(k, features, dtype=torch.float64), torch.zeros(k, dtype=torch.float64)
    seen = torch.tensor(grown.seen)
    if grown.margins == 1:
        votes = torch.tensor([[-0.5], [0.5]], dtype=torch.float64)
    else:
        votes = torch.eye(grown.margins, dtype=torch.float64)
    each = votes.repeat(1, len(mean) // grown.margins)
    weight[seen, : len(mean)] = each * spread
    bias[seen] = each @ mean
    unseen = [c for c in range(k) if c not in grown.seen]
    bias[unseen] = float(np.log(0.5 / counts.sum())) + (float(bias[seen].max()) if unseen else 0.0)
    head = nn.Linear(features, k, device="cpu")
    with torch.no_grad():
        head.weight.copy_(weight)
        head.bias.copy_(bias)
    return head
