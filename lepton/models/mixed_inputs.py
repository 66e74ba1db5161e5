"""Rows of several inputs to tensors: each input prepared in its own way, laid side by side.

In front stands one number an input, 1 where it is there; an input that is not there is all zeros.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lepton.core.config.settings import EncoderConfig
from lepton.core.errors import LeptonError
from lepton.core.kinds import WORDS, Kind
from lepton.core.table import Table
from lepton.models.image_inputs import ImageInputs
from lepton.models.layout import Layout
from lepton.models.sequence_inputs import SequenceInputs
from lepton.models.table_inputs import TableInputs
from lepton.models.text_inputs import TextInputs

Single = ImageInputs | TableInputs | SequenceInputs | TextInputs
SINGLE: Mapping[str, Callable[[dict[str, Any]], Single]] = {
    "image": ImageInputs.from_json,
    "tabular": TableInputs.from_json,
    "sequence": SequenceInputs.from_json,
    "text": TextInputs.from_json,
}


def fit_single(table: Table, encoder: EncoderConfig) -> Single:
    """Return how rows of one input, like those of `table`, become tensors."""
    if table.kind == "image":
        return ImageInputs.fitted(table, encoder)
    if table.kind == "sequence":
        return SequenceInputs.fitted(table, encoder)
    return TextInputs.fitted(table, encoder) if table.kind == "text" else TableInputs.fitted(table)


@dataclass(frozen=True)
class MixedInputs:
    """What turns rows of several inputs into tensors; fitted on the source."""

    parts: tuple[Single, ...]
    """Image, columns of numbers and categories, series, and each text, as far as the source has them."""

    kind: ClassVar[Kind] = "mixed"

    @property
    def texts(self) -> tuple[str, ...]:
        """The columns of texts that are read."""
        return tuple(name for part in self.parts for name in part.texts)

    @property
    def series(self) -> tuple[str, ...]:
        """The columns of series that are read."""
        return tuple(name for part in self.parts for name in part.series)

    @classmethod
    def fitted(cls, table: Table, encoder: EncoderConfig) -> MixedInputs:
        """Learn each input from the source's rows that have it.

        Raises:
            LeptonError: If an input is missing in all of them, or there is only one.
        """
        parts = []
        for called, part, there in split_inputs(table):
            if not there.any():
                raise LeptonError(
                    f"No row of the source has {called}: nothing can be learnt from it.",
                    why=f"It is missing in all {len(table):,} rows.",
                    fix=["deliver rows that have it", "leave it out of the deliveries and of the contract"],
                )
            parts.append(fit_single(part.take(there), encoder))
        if len(parts) < 2:
            raise LeptonError("The rows have one input only, so there is nothing to join.")
        return cls(tuple(parts))

    @property
    def layout(self) -> Layout:
        """Kind and shape of one prepared row."""
        parts = tuple(part.layout for part in self.parts)
        return Layout(self.kind, (len(parts) + sum(math.prod(part.shape) for part in parts),), parts)

    @property
    def tensor_shape(self) -> tuple[int, ...]:
        """Shape of one prepared row."""
        return self.layout.shape

    def to_tensor(self, table: Table) -> Tensor:
        """Return (n, P + all numbers of the P inputs) float32.

        Raises:
            LeptonError: If the rows do not have the inputs of the source.
        """
        found = list(split_inputs(table))
        kinds = [part.kind for _, part, _ in found]
        if kinds != [part.kind for part in self.parts]:
            raise LeptonError(
                "The rows do not have the inputs that the model reads.",
                why=f"It reads {_listed([part.kind for part in self.parts])}; these rows have {_listed(kinds)}.",
                fix=["deliver the inputs of the source; single rows may lack some of them"],
            )
        flags = np.stack([there for _, _, there in found], axis=1)
        blocks = [torch.from_numpy(flags.astype(np.float32))]
        for inputs, (_, part, there) in zip(self.parts, found, strict=True):
            block = torch.zeros(len(table), math.prod(inputs.layout.shape))
            block[torch.from_numpy(there)] = inputs.to_tensor(part.take(there)).flatten(1)
            blocks.append(block)
        return torch.cat(blocks, dim=1)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return {"kind": self.kind, "parts": [part.to_json() for part in self.parts]}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> MixedInputs:
        """Read what `to_json` wrote.

        Raises:
            KeyError, TypeError, ValueError: If a field is missing or of another type.
        """
        parts = tuple(SINGLE[part["kind"]](part) for part in value["parts"])
        if not 2 <= len(parts) <= 64:
            raise ValueError(f"{len(parts)} inputs")
        return cls(parts)


def split_inputs(table: Table) -> list[tuple[str, Table, NDArray[np.bool_]]]:
    """Return what a person calls each input of rows, its rows, and (n,) true where a row has it.

    Image, columns of numbers and categories, series, and each text, in this order.
    """
    ids, labels, frame = table.ids, table.labels, table.frame
    found: list[tuple[str, Table, NDArray[np.bool_]]] = []
    if table.images is not None:
        found.append(("an image", Table("image", ids, labels, images=table.images), table.has_image()))
    if frame is None:
        return found
    if plain := table.plain_columns():
        called = "a number or category in " + ", ".join(map(repr, plain[:5]))
        found.append((called, Table("tabular", ids, labels, frame=frame[plain]), _known(table, plain)))
    if table.series:
        columns = list(table.series)
        part = Table("sequence", ids, labels, frame=frame[columns], series=table.series)
        found.append((f"a series in {', '.join(map(repr, columns[:5]))}", part, _known(table, columns)))
    for name in table.texts:
        part = Table("text", ids, labels, frame=frame[[name]], texts=(name,))
        found.append((f"a text in {name!r}", part, _known(table, [name])))
    return found


def _known(table: Table, columns: list[str]) -> NDArray[np.bool_]:
    assert table.frame is not None
    return np.asarray(table.frame[columns].notna().any(axis=1), dtype=bool)


def _listed(kinds: list[Kind]) -> str:
    return ", ".join(WORDS[kind] for kind in kinds)
