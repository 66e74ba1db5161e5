"""The shape of what turns rows into tensors: fitted on the source once, carried by the model, the same everywhere."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lepton.core.config.settings import EncoderConfig
from lepton.core.kinds import KINDS, Kind, refer
from lepton.core.table import Table
from lepton.models.layout import Layout
from lepton.models.variation import Strength

STRANGER = "(a value that the source never had)"
"""A category of made-up rows."""


class InputSpec(ABC):
    """How rows of one kind become tensors; a frozen dataclass that JSON can hold."""

    kind: ClassVar[Kind]
    measured: ClassVar[bool] = True
    """Whether prepared numbers are amounts, so that the distance between two of them means something."""

    @property
    @abstractmethod
    def layout(self) -> Layout:
        """Kind and shape of one prepared row."""

    @classmethod
    @abstractmethod
    def fitted(cls, table: Table, encoder: EncoderConfig) -> Self:
        """Learn from the source's rows.

        Raises:
            LeptonError: If they are of another kind, or hold nothing to learn from.
        """

    @abstractmethod
    def to_tensor(self, table: Table) -> Tensor:
        """Return (n, *layout.shape) float32.

        Raises:
            LeptonError: If the rows lack what the model reads.
        """

    def moved_to(self, table: Table, share: float) -> Self:
        """Return the same with `share` of the location and scale of other rows; by default, what knows none, itself.

        Args:
            table: Rows of one domain.
            share: Between 0 and 1.
        """
        return self

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Return a JSON object with `kind`."""

    @classmethod
    @abstractmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Read what `to_json` wrote.

        Raises:
            KeyError, TypeError, ValueError: If a field is missing or of another type.
        """

    @abstractmethod
    def made_up(self, count: int, random: np.random.Generator) -> Table:
        """Return rows as a model with these inputs could meet them, gaps and extremes among them; from no data."""

    def varied(self, x: Tensor, strength: Strength, source: torch.Generator) -> Tensor:
        """Return a random variant of each prepared row; by default every number jitters, and some become their mean.

        Args:
            x: (n, ...) as `to_tensor` returns them.
            strength: How far.
            source: Where randomness comes from; the global state is left alone.
        """
        noisy = x + strength.jitter * torch.randn(x.shape, generator=source)
        return torch.where(torch.rand(x.shape, generator=source) < strength.drop, 0.0, noisy)

    def plain(self, x: Tensor) -> NDArray[np.float64]:
        """Return (n, columns) of prepared rows (n, ...), for models that know columns only; by default all numbers."""
        flat: NDArray[np.float64] = x.flatten(1).double().numpy()
        return flat

    @property
    def texts(self) -> tuple[str, ...]:
        """The columns of texts that are read."""
        return ()

    @property
    def series(self) -> tuple[str, ...]:
        """The columns of series that are read."""
        return ()

    @property
    def tensor_shape(self) -> tuple[int, ...]:
        """Shape of one prepared row."""
        return self.layout.shape


def nameless(count: int) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Return ids that are no delivery's, and unknown labels, for made-up rows."""
    return np.array([f"example-{k + 1}" for k in range(count)], dtype=object), np.full(count, None, dtype=object)


def spec_of(kind: Kind) -> type[InputSpec]:
    """Return what prepares rows of a kind.

    Raises:
        ValueError: If there is no such kind here; the model format turns it into a LeptonError.
    """
    if (known := KINDS.find(kind)) is None:
        raise ValueError(f"inputs of unknown kind {kind!r}")
    found: type[InputSpec] = refer(known.inputs)
    return found
