"""What a prepared row looks like: all that a network needs to know of the inputs to be built for them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from lepton.core.kinds import Kind


@dataclass(frozen=True)
class Layout:
    """Kind and shape of a prepared row."""

    kind: Kind
    shape: tuple[int, ...]
    """(C, S, S) of an image, (columns,) of a table, (T, F + 1) of a sequence, (T,) of a text, (all numbers,) of several
    inputs."""
    parts: tuple[Layout, ...] = ()
    """Of several inputs: what their numbers are, one after the other, behind one number a part that says whether it is
    there."""
    amounts: tuple[int, ...] | None = None
    """Of a table: the places of numbers that measure something; the others are 0 or 1. None where nobody says, as of
    other kinds: then any number may be an amount."""

    def split(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return which of several inputs are there (n, P), and each input's prepared rows (n, ...)."""
        found, at = [], len(self.parts)
        for part in self.parts:
            size = math.prod(part.shape)
            found.append(x[:, at : at + size].reshape(x.shape[0], *part.shape))
            at += size
        return x[:, : len(self.parts)], found
