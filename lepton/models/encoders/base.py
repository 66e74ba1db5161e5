"""The shape of an encoder: built from the configuration and the input's shape, it says how large its embedding is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor, nn

from lepton.core.config.settings import EncoderConfig
from lepton.core.kinds import Kind
from lepton.core.work import Progress, silent
from lepton.models.layout import Layout


class Encoder(nn.Module):
    """h = E(x).

    Args:
        config: Sizes.
        layout: Kind and shape of one prepared row.
    """

    name: ClassVar[str] = ""
    """By which `lepton.yaml` and `model.json` call it."""
    kinds: ClassVar[tuple[Kind, ...]]
    """What rows it reads."""
    default_for: ClassVar[tuple[Kind, ...]] = ()
    """Which of them it reads where `lepton.yaml` names no encoder."""

    tried_for: ClassVar[tuple[Kind, ...]] = ()
    """Which of them it is tried for where `encoder.name` is `auto`."""

    by_gradient: bool = True
    """Whether it learns by gradient; one that does not is fitted to the source's labels at once (`fit`), and strategies
    that would move its weights are not tried on it."""
    fewest_steps: ClassVar[int] = 0
    """Steps that it takes to train it, where `pretrain.fewest_steps` does not say: few rows are dealt more often."""
    varied: ClassVar[bool] = True
    """Whether learning from labels gains by random variants of the rows (`pretrain.augment`)."""

    feature_dim: int
    """Size d of the embedding."""

    def __init__(self, config: EncoderConfig, layout: Layout) -> None:
        super().__init__()
        self.config = config
        self.layout = layout
        self.feature_dim = config.features

    def meet(self, rows: Tensor) -> None:
        """Learn from the source's rows what no gradient teaches, once, before training; by default nothing.

        What is learnt is kept in buffers of a shape that the layout decides, so that it is stored with the weights,
        rebuilt and exported as they are. Must not be random, nor depend on where `rows` lies.

        Args:
            rows: (n, *layout.shape) prepared training rows; only read.
        """

    def fit(
        self,
        rows: Tensor,
        labels: Tensor,
        classes: int,
        seed: int,
        progress: Progress = silent,
        again: bool = False,
    ) -> nn.Linear:
        """Learn from labelled rows what no gradient teaches; for encoders that are not `by_gradient` all there is.

        Args:
            rows: (n, *layout.shape) prepared training rows.
            labels: (n,) int64, positions of their classes.
            classes: k; some may have no row.
            seed: Same seed, same weights, bit for bit on one platform.
            progress: Called after every part of the work.
            again: Whether it was fitted to a part of these rows before: what it found out then of how long to learn
                holds, and each coordinate means what it meant.

        Returns:
            The head (d -> k), on the CPU, by which the embedding answers best.
        """
        raise NotImplementedError

    def receive(self, tensors: Mapping[str, Tensor]) -> None:
        """Get ready for stored weights, before they are loaded; by default they have the shapes that were built.

        Args:
            tensors: By their names in `state_dict()`; only read.

        Raises:
            ValueError, KeyError: If nothing can be computed with them.
        """

    def depth_groups(self) -> list[nn.Module]:
        """Return the parts from the input to the embedding, for learning rates that grow with depth."""
        raise NotImplementedError
