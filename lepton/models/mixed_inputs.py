"""Rows of several inputs to tensors: each input prepared in its own way, laid side by side.

In front stands one number an input, 1 where it is there; an input that is not there is all zeros.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from lepton.core.config.settings import EncoderConfig
from lepton.core.errors import LeptonError
from lepton.core.kinds import Kind, kind_of
from lepton.core.table import Table
from lepton.models.input_spec import InputSpec, nameless, spec_of
from lepton.models.layout import Layout
from lepton.models.variation import Strength


@dataclass(frozen=True)
class MixedInputs(InputSpec):
    """What turns rows of several inputs into tensors; fitted on the source."""

    parts: tuple[InputSpec, ...]
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
            parts.append(spec_of(part.kind).fitted(part.take(there), encoder))
        if len(parts) < 2:
            raise LeptonError("The rows have one input only, so there is nothing to join.")
        return cls(tuple(parts))

    @property
    def layout(self) -> Layout:
        """Kind and shape of one prepared row."""
        parts = tuple(part.layout for part in self.parts)
        return Layout(self.kind, (len(parts) + sum(math.prod(part.shape) for part in parts),), parts)

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

    def made_up(self, count: int, random: np.random.Generator) -> Table:
        """Return made-up rows of each input side by side; one row lacks its image."""
        parts = [part.made_up(count, random) for part in self.parts]
        frames = [part.frame for part in parts if part.frame is not None]
        images = [part.images for part in parts if part.images is not None]
        return Table(
            self.kind,
            *nameless(count),
            images=images[0] if images else None,
            frame=pd.concat(frames, axis=1) if frames else None,
            texts=tuple(name for part in parts for name in part.texts),
            series=tuple(name for part in parts for name in part.series),
            pictured=np.arange(count) != 2 if images else None,
        )

    def plain(self, x: Tensor) -> NDArray[np.float64]:
        """Return which inputs are there, and the plain columns of each."""
        flags, parts = self.layout.split(x)
        blocks = [spec.plain(part) for spec, part in zip(self.parts, parts, strict=True)]
        return np.concatenate([flags.double().numpy(), *blocks], axis=1)

    def varied(self, x: Tensor, strength: Strength, source: torch.Generator) -> Tensor:
        """Vary each input; one of those that a row has is left out with a chance, never the last."""
        flags, parts = self.layout.split(x)
        varied = [
            spec.varied(part, strength, source) * flags[:, k].reshape(-1, *(1,) * (part.ndim - 1))
            for k, (part, spec) in enumerate(zip(parts, self.parts, strict=True))
        ]
        out = torch.rand(len(x), generator=source) < strength.drop * len(parts)
        place = (torch.rand(flags.shape, generator=source) * flags).argmax(dim=1)
        out &= flags.sum(dim=1) > 1
        kept = flags.clone()
        kept[out, place[out]] = 0.0
        blocks = [(part * kept[:, k].reshape(-1, *(1,) * (part.ndim - 1))).flatten(1) for k, part in enumerate(varied)]
        return torch.cat([kept, *blocks], dim=1)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return {"kind": self.kind, "parts": [part.to_json() for part in self.parts]}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> MixedInputs:
        """Read what `to_json` wrote.

        Raises:
            KeyError, TypeError, ValueError: If a field is missing or of another type.
        """
        parts = tuple(spec_of(part["kind"]).from_json(part) for part in value["parts"])
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
    return ", ".join(kind_of(kind).words for kind in kinds)
