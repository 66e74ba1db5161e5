"""How a graph's inputs, one a column, become the tensors that the traced part takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Type = Literal["float64", "float32", "int64", "uint8"]


@dataclass(frozen=True)
class Coding:
    """What number each word of a column of strings becomes."""

    numbers: dict[str, int]
    other: int
    """That of every word that is not listed."""


@dataclass(frozen=True)
class Entrance:
    """One tensor of the traced part: an input of the graph itself, or those of many columns side by side."""

    inputs: tuple[str, ...]
    """The graph's inputs behind it: the one that it is, or several."""
    type: Type
    shape: tuple[int, ...] = ()
    """Behind the number of rows."""
    stacked: bool = False
    """Whether the inputs are (n,) and become its columns."""
    codes: tuple[Coding, ...] = ()
    """Of columns of strings, one each."""
    free: bool = False
    """Whether the second dimension is as long as the longest row."""
