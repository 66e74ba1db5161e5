"""The shape of a strategy: what it needs, what it costs, and `adapt(base, target, seed) -> Model`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass, is_dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lepton.core.errors import NothingToLearn
from lepton.core.kinds import Kind
from lepton.core.table import Table
from lepton.models.features import FeatureCache
from lepton.models.model import Model
from lepton.transfer.prior import Prior


@dataclass(frozen=True)
class Needs:
    """What a strategy cannot do without."""

    labels: bool
    """Whether it needs at least one labelled row."""
    features: Literal["none", "frozen", "inputs", "rows"]
    """`none`: no row at all; `frozen`: cached embeddings, the encoder stays as it is; `inputs`: prepared rows; `rows`:
    as they were delivered, because it changes how they are prepared."""
    statistics: bool = False
    """Whether it needs what the base knows of its own domain (`Model.statistics`)."""
    rows: int = 0
    """Fewest rows with which the planner tries it, also where it is the one that is named."""
    gradient: bool = False
    """Whether it needs an encoder that learns by gradient: it moves the encoder's weights, or numbers of its layers."""
    kinds: tuple[Kind, ...] = ()
    """Kinds of rows that it can do anything for; none named: all."""


@dataclass(frozen=True)
class TargetData:
    """What a strategy sees of a target."""

    features: Tensor
    """(n, d) float32: the base's embeddings, after its adapters, in eval mode."""
    labels: Tensor
    """(n,) int64, positions in the base's classes; -1 where unknown."""
    inputs: Tensor | None = None
    """(n, ...) float32: prepared rows, for strategies that train the encoder."""
    table: Table | None = None
    """The n rows as they were delivered, for strategies that prepare them in another way."""

    @classmethod
    def of(cls, base: Model, table: Table, cache: FeatureCache | None = None, inputs: bool = True) -> TargetData:
        """Return the rows of `table` as seen by `base`.

        Raises:
            LeptonError: If a label is none of the base's classes.
        """
        labels = torch.from_numpy(base.label_indices(table.labels))
        prepared = base.inputs.to_tensor(table) if inputs else None
        return cls((cache or FeatureCache(None)).get(base, table), labels, prepared, table)

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: Sequence[int] | NDArray[np.integer] | Tensor) -> TargetData:
        """Return the rows at these positions."""
        at = torch.as_tensor(rows, dtype=torch.int64)
        inputs = None if self.inputs is None else self.inputs[at]
        table = None if self.table is None else self.table.take(at.numpy())
        return TargetData(self.features[at], self.labels[at], inputs, table)

    def labelled(self) -> TargetData:
        """Return the rows whose label is known."""
        return self.take(torch.nonzero(self.labels >= 0).flatten())


class NotEnoughLabels(NothingToLearn):
    """A strategy needs labels, and the target has none."""

    @classmethod
    def of(cls, strategy: str, needed: int, found: int) -> NotEnoughLabels:
        """Say how many were needed and found."""
        return cls(
            f"Strategy {strategy!r} needs at least {needed} labelled row(s) of the target; {found} found.",
            fix=["lepton ingest TARGET labels.csv --labels", "choose a strategy that needs no labels"],
        )


class NoStatistics(NothingToLearn):
    """A strategy compares the target with the base's own domain, and the base knows nothing of it."""

    @classmethod
    def of(cls, strategy: str) -> NoStatistics:
        """Say which strategy, and how to get a base that knows."""
        return cls(
            f"Strategy {strategy!r} compares the target with the domain that the base was fitted to.",
            why="This base has no statistics of it: an earlier lepton made it.",
            fix=["lepton pretrain  (makes a base that has them)", "choose a strategy that needs none"],
        )


class Strategy(ABC):
    """One way to adapt a base to a target. Stateless: everything it learns is in the model that it returns."""

    name: str = ""
    needs: Needs
    prior: Prior = Prior()
    """What it is expected to gain before there is a record of it."""
    batchnorm: Literal["base", "target"] = "base"
    """Whose BatchNorm statistics the adapted model carries."""
    expensive: bool = False
    """Whether it takes part in successive halving: it costs seconds, and a short run says something of a whole one."""
    folds: int = 5
    """Most folds of the cross-validation by which candidates are chosen; dear strategies take fewer."""
    config: Any
    """A frozen dataclass; the class's own is the default."""

    def __init__(self, config: Any = None) -> None:
        if config is not None:
            self.config = config

    @abstractmethod
    def adapt(self, base: Model, target: TargetData, seed: int) -> Model:
        """Return a copy of `base` adapted to `target`; with no row at all it answers exactly like `base`.

        Args:
            base: Left untouched.
            target: Rows as seen by `base`.
            seed: Same seed, same weights, bit for bit on one platform and number of threads.

        Raises:
            NotEnoughLabels: If it needs labels and there are rows, but none is labelled.
        """

    @abstractmethod
    def predict_seconds(self, labels: int, rows: int, kind: str) -> float:
        """Return the expected cost of a whole candidate, cross-validation included, on one CPU thread.

        Args:
            labels: Labelled rows to adapt with.
            rows: All rows to adapt with, labelled or not.
            kind: `image` or `tabular`.
        """

    def shortened(self, share: float) -> Strategy:
        """Return the same strategy with that share of its steps; itself if its configuration knows none."""
        return type(self)(_shortened(self.config, share))

    def config_json(self) -> dict[str, Any]:
        """Return the configuration as a JSON object."""
        return asdict(self.config)

    def rows(self, target: TargetData) -> TargetData:
        """Return the labelled rows of `target`.

        Raises:
            NotEnoughLabels: If there are rows, but none is labelled.
        """
        found = target.labelled()
        if len(target) and not len(found):
            raise NotEnoughLabels.of(self.name, needed=1, found=0)
        return found

    def __str__(self) -> str:
        return self.name


_LENGTHS = ("epochs", "fewest_steps", "most_steps")
"""Fields of a configuration that say how long to train."""


def _shortened(config: Any, share: float) -> Any:
    """Return a configuration with that share of its steps, parts of it included."""
    parts = {name: _shortened(value, share) for name, value in vars(config).items() if is_dataclass(value)}
    lengths = {n: max(1, round(value * share)) for n, value in vars(config).items() if n in _LENGTHS}
    return replace(config, **parts, **lengths)
