"""What a prepared row looks like: all that a network needs to know of the inputs to be built for them."""

from __future__ import annotations

from dataclasses import dataclass

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
