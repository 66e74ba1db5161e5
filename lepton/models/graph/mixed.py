"""Rows of several inputs in a graph: the graph's piece of each input, side by side, and zeros where a row lacks one."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from lepton.graph.fields import Field
from lepton.models.graph.front import Front, Names, Pixels, Port, Prepare, dummy, front_of
from lepton.models.input_spec import InputSpec
from lepton.models.mixed_inputs import MixedInputs


class PrepareMixed(Prepare):
    """The ports of each part, one after the other, to (n, P + all numbers of the P parts) float32."""

    def __init__(self, parts: list[Front]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(part.prepare for part in parts)
        self.taken = [len(part.ports) for part in parts]
        self.counted = ["image" in {field.holds for field in part.fields} for part in parts]

    def forward(self, *ports: Tensor) -> tuple[Tensor, Tensor]:
        """Return rows as `MixedInputs.to_tensor` does, and which have any input."""
        flags, blocks, at = [], [], 0
        for part, taken, counted in zip(self.parts, self.taken, self.counted, strict=True):
            prepared, there = part(*ports[at : at + taken])
            at += taken
            if counted:  # an image cannot say that it is none; a number beside it does
                there = ports[at] >= 0
                at += 1
            flags.append(there)
            blocks.append(torch.where(there[:, None], prepared.flatten(1), 0.0))
        found = torch.stack(flags, dim=1)
        return torch.cat([found.float(), *blocks], dim=1), found.any(dim=1)


def front(inputs: InputSpec, names: Names, pixels: Pixels | None) -> Front:
    """Return how rows of several inputs enter a graph; see `lepton.models.graph.front.MakeFront`."""
    assert isinstance(inputs, MixedInputs)
    parts = [front_of(part, names, pixels) for part in inputs.parts]
    fields: list[Field] = []
    ports: list[Port] = []
    for part in parts:
        ports += part.ports
        for field in part.fields:
            if field.holds == "image":
                field = replace(field, count=names(f"{field.column} there"))
                ports.append(Port(dummy(dtype=torch.int64), (str(field.count),)))
            fields.append(field)
    return Front(tuple(fields), tuple(ports), PrepareMixed(parts))
