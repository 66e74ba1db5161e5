"""Sequences in a graph: the same float32 arithmetic as `models.sequence_inputs`."""

from __future__ import annotations

import torch
from torch import Tensor

from lepton.graph.fields import Field
from lepton.models.graph.front import Front, Names, Pixels, Port, Prepare, dummy
from lepton.models.input_spec import InputSpec
from lepton.models.sequence_inputs import SequenceInputs
from lepton.models.table_inputs import CLIP


class PrepareSequence(Prepare):
    """Of each quantity its steps (n, longest) float32 and how many there are (n,) int64, to (n, T, F + 1) float32."""

    def __init__(self, inputs: SequenceInputs) -> None:
        super().__init__()
        self.inputs = inputs

    def forward(self, *ports: Tensor) -> tuple[Tensor, Tensor]:
        """Return prepared sequences, and which rows have one."""
        length = self.inputs.length
        quantities, steps, rows = [], [], []
        for at, (mean, std) in enumerate(zip(self.inputs.mean, self.inputs.std, strict=True)):
            raw, count = ports[2 * at], ports[2 * at + 1]
            values = torch.nn.functional.pad(raw, (0, length))[:, :length]
            there = torch.arange(length) < count[:, None]
            centre, spread = torch.tensor(mean, dtype=torch.float32), torch.tensor(std, dtype=torch.float32)
            standard = (torch.where(torch.isfinite(values), values, centre) - centre) / spread
            quantities.append(torch.where(there, standard.clamp(-CLIP, CLIP), 0.0))
            steps.append(there)
            rows.append(count >= 0)
        there = torch.stack(steps, dim=2).any(dim=2)
        return torch.stack([*quantities, there.float()], dim=2), torch.stack(rows, dim=1).any(dim=1)


def front(inputs: InputSpec, names: Names, pixels: Pixels | None) -> Front:
    """Return how sequences enter a graph; see `lepton.models.graph.front.MakeFront`."""
    assert isinstance(inputs, SequenceInputs)
    fields, ports = [], []
    for name in inputs.columns:
        tensor, count = names(name), names(f"{name} steps")
        fields.append(Field(name, "series", tensor, count, most=inputs.length))
        ports.append(Port(dummy(inputs.length + 5, dtype=torch.float32), (tensor,), free=True))
        ports.append(Port(dummy(dtype=torch.int64), (count,)))
    return Front(tuple(fields), tuple(ports), PrepareSequence(inputs))
