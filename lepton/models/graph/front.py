"""The shape of what prepares rows inside a graph: one a kind, named by the kind itself (`InputKind.graph`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

from lepton.core.errors import LeptonError
from lepton.core.kinds import kind_of, refer
from lepton.graph.entrance import Coding, Entrance, Type
from lepton.graph.fields import Field, named
from lepton.models.input_spec import InputSpec

_TYPES: dict[torch.dtype, Type] = {
    torch.float64: "float64",
    torch.float32: "float32",
    torch.int64: "int64",
    torch.uint8: "uint8",
}


@dataclass(frozen=True)
class Pixels:
    """What the images of a domain are like; a graph is made for one shape."""

    shape: tuple[int, int, int]
    """(C, H, W)."""
    dtype: Literal["uint8", "float32"] = "uint8"


@dataclass(frozen=True)
class Port:
    """One tensor of the traced part; the words are those of `lepton.graph.entrance.Entrance`."""

    example: Tensor
    """(3, ...) of its type; where `free` names a dimension, of any length."""
    inputs: tuple[str, ...]
    stacked: bool = False
    codes: tuple[Coding, ...] = ()
    free: bool = False

    @property
    def entrance(self) -> Entrance:
        """What the graph's inputs become it by."""
        shape = tuple(self.example.shape[1:])
        return Entrance(self.inputs, _TYPES[self.example.dtype], shape, self.stacked, self.codes, self.free)


class Prepare(nn.Module):
    """The traced part: tensors of the ports to prepared rows (n, ...) float32, and (n,) whether a row has the input."""

    def forward(self, *ports: Tensor) -> tuple[Tensor, Tensor]:
        """Return prepared rows, and which rows have the input."""
        raise NotImplementedError


@dataclass(frozen=True)
class Front:
    """How the rows of one kind enter a graph."""

    fields: tuple[Field, ...]
    ports: tuple[Port, ...]
    prepare: Prepare


MakeFront: TypeAlias = Callable[[InputSpec, "Names", Pixels | None], Front]
"""What `InputKind.graph` refers to."""


class Names:
    """Hands out names for the graph's inputs, no two alike."""

    def __init__(self) -> None:
        self._given: list[str] = []

    def __call__(self, column: str) -> str:
        """Return a name for an input made of a column's name."""
        self._given.append(column)
        return named(self._given)[-1]


def front_of(inputs: InputSpec, names: Names, pixels: Pixels | None) -> Front:
    """Return how rows enter the graph of a model with these inputs.

    Args:
        inputs: The model's.
        names: Of the graph's inputs.
        pixels: What the images of the domain are like, if it has some.

    Raises:
        LeptonError: If their kind brings nothing for it.
    """
    kind = kind_of(inputs.kind)
    if kind.graph is None:
        raise LeptonError(
            f"A model of {kind.words} cannot be exported as one graph.",
            why=f"The kind {kind.name!r} does not say how its rows are prepared inside a graph.",
            fix=[
                "use inference.pt2 of the registered version: from prepared rows to probabilities",
                "give its InputKind `graph`",
            ],
        )
    make: MakeFront = refer(kind.graph)
    return make(inputs, names, pixels)


def dummy(*shape: int, dtype: torch.dtype) -> Tensor:
    """Return a tensor to trace with: of three rows, since one and two are sizes that tracing takes for special."""
    return torch.zeros(3, *shape, dtype=dtype)
