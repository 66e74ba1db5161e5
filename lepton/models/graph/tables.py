"""Tables in a graph: the same arithmetic in the same precision and order as `models.table_inputs`."""

from __future__ import annotations

from itertools import accumulate

import torch
from torch import Tensor

from lepton.graph.entrance import Coding
from lepton.graph.fields import MISSING, Field
from lepton.models.graph.front import Front, Names, Pixels, Port, Prepare, dummy
from lepton.models.input_spec import InputSpec
from lepton.models.table_inputs import CLIP, Categorical, Numeric, TableInputs


class PrepareTable(Prepare):
    """Numbers (n, c) float64 and codes (n, k) int64, as far as there are columns of them, to (n, width) float32."""

    mean: Tensor
    std: Tensor
    absent: Tensor
    column: Tensor
    code: Tensor
    order: Tensor

    def __init__(self, columns: tuple[Numeric | Categorical, ...]) -> None:
        super().__init__()
        numeric = [one for one in columns if isinstance(one, Numeric)]
        texts = [one for one in columns if isinstance(one, Categorical)]
        self.has_numbers, self.has_codes = bool(numeric), bool(texts)
        self.register_buffer("mean", torch.tensor([one.mean for one in numeric], dtype=torch.float64))
        self.register_buffer("std", torch.tensor([one.std for one in numeric], dtype=torch.float64))
        widths = [len(one.values) + 2 for one in texts]
        self.register_buffer("absent", torch.tensor([width - 1 for width in widths]))
        # Of each slot of a category: its column, and the code that fills it.
        self.register_buffer("column", torch.tensor([at for at, width in enumerate(widths) for _ in range(width)]))
        self.register_buffer("code", torch.tensor([code for width in widths for code in range(width)]))
        # The parts are computed as blocks: all values, all gaps, all slots. `order` brings them to the columns' order.
        first = dict(zip(map(id, texts), accumulate(widths, initial=0), strict=False))
        order, number = [], 0
        for one in columns:
            if isinstance(one, Numeric):
                order += [number, len(numeric) + number]
                number += 1
            else:
                start = 2 * len(numeric) + first[id(one)]
                order += range(start, start + len(one.values) + 2)
        self.register_buffer("order", torch.tensor(order))

    def forward(self, *ports: Tensor) -> tuple[Tensor, Tensor]:
        """Return prepared rows (n, width), and whether a row has any value."""
        blocks, there = [], []
        if self.has_numbers:
            raw = ports[0]
            known = torch.isfinite(raw)
            standard = (torch.where(known, raw, self.mean) - self.mean) / self.std
            blocks += [standard.clamp(-CLIP, CLIP).float(), (~known).float()]
            there.append(~torch.isnan(raw))
        if self.has_codes:
            codes = ports[-1]
            blocks.append((codes.index_select(1, self.column) == self.code).float())
            there.append(codes != self.absent)
        return torch.cat(blocks, dim=1).index_select(1, self.order), torch.cat(there, dim=1).any(dim=1)


def front(inputs: InputSpec, names: Names, pixels: Pixels | None) -> Front:
    """Return how rows of columns enter a graph; see `lepton.models.graph.front.MakeFront`."""
    assert isinstance(inputs, TableInputs)
    fields = tuple(
        Field(one.name, "number" if isinstance(one, Numeric) else "category", names(one.name)) for one in inputs.columns
    )
    ports = []
    numbers = tuple(one.tensor for one in fields if one.holds == "number")
    if numbers:
        ports.append(Port(dummy(len(numbers), dtype=torch.float64), numbers, stacked=True))
    texts = [one for one in inputs.columns if isinstance(one, Categorical)]
    if texts:
        called = tuple(one.tensor for one in fields if one.holds == "category")
        codes = tuple(_codes(one) for one in texts)
        ports.append(Port(dummy(len(texts), dtype=torch.int64), called, stacked=True, codes=codes))
    return Front(fields, tuple(ports), PrepareTable(inputs.columns))


def _codes(rule: Categorical) -> Coding:
    """Return the slot of each word; that of all others comes behind the known values, that of none behind it."""
    known = {value: at for at, value in enumerate(rule.values)}
    return Coding({**known, MISSING: len(rule.values) + 1}, other=len(rule.values))
