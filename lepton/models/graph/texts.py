"""Texts in a graph: bytes to tokens, cut at a whole character. NFC and UTF-8 are made before it: ONNX knows neither."""

from __future__ import annotations

import torch
from torch import Tensor

from lepton.graph.fields import Field
from lepton.models.graph.front import Front, Names, Pixels, Port, Prepare, dummy
from lepton.models.input_spec import InputSpec
from lepton.models.text_inputs import TextInputs


class PrepareText(Prepare):
    """Bytes (n, longest) uint8 of UTF-8 and how many there are (n,) int64 to tokens (n, T) float32."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self.length = length

    def forward(self, *ports: Tensor) -> tuple[Tensor, Tensor]:
        """Return tokens, and which rows have a text."""
        raw, count = ports
        # One more than is read: a character is cut in two if the byte behind the cut continues it.
        whole = torch.nn.functional.pad(raw.int(), (0, self.length + 1))[:, : self.length + 1]
        place = torch.arange(self.length + 1)
        begins = (whole < 0x80) | (whole >= 0xC0)
        cut = torch.where(begins, place, 0).amax(dim=1)
        end = torch.where(count > self.length, cut, count)
        tokens = torch.where(place[: self.length] < end[:, None], whole[:, : self.length] + 1, 0)
        return tokens.float(), count >= 0


def front(inputs: InputSpec, names: Names, pixels: Pixels | None) -> Front:
    """Return how texts enter a graph; see `lepton.models.graph.front.MakeFront`."""
    assert isinstance(inputs, TextInputs)
    tensor, count = names(inputs.column), names(f"{inputs.column} bytes")
    field = Field(inputs.column, "text", tensor, count, most=inputs.length)
    ports = (
        Port(dummy(inputs.length + 5, dtype=torch.uint8), (tensor,), free=True),
        Port(dummy(dtype=torch.int64), (count,)),
    )
    return Front((field,), ports, PrepareText(inputs.length))
