"""Images in a graph: scaled, framed and standardised by the code of `models.image_inputs` itself, for one shape."""

from __future__ import annotations

import torch
from torch import Tensor

from lepton.core.errors import LeptonError
from lepton.graph.fields import IMAGE, Field
from lepton.models.graph.front import Front, Names, Pixels, Port, Prepare, dummy
from lepton.models.image_inputs import ImageInputs, scaled
from lepton.models.input_spec import InputSpec


class PrepareImage(Prepare):
    """Pixels (n, c, h, w), uint8 or float32, to (n, C, S, S) float32."""

    def __init__(self, inputs: ImageInputs) -> None:
        super().__init__()
        self.inputs = inputs

    def forward(self, *ports: Tensor) -> tuple[Tensor, Tensor]:
        """Return prepared images, and that every row has one."""
        (pixels,) = ports
        x = scaled(pixels, self.inputs.low, self.inputs.high)
        there = torch.ones_like(pixels[:, 0, 0, 0], dtype=torch.bool)
        return self.inputs.normalise(self.inputs.framed(x)), there


def front(inputs: InputSpec, names: Names, pixels: Pixels | None) -> Front:
    """Return how images of one shape enter a graph; see `lepton.models.graph.front.MakeFront`."""
    assert isinstance(inputs, ImageInputs)
    if pixels is None:
        raise LeptonError("A graph of images is made for one shape, and nobody says which.", fix=["give `pixels`"])
    field = Field(IMAGE, "image", names(IMAGE), shape=pixels.shape, pixels=pixels.dtype)
    kind = torch.uint8 if pixels.dtype == "uint8" else torch.float32
    return Front((field,), (Port(dummy(*pixels.shape, dtype=kind), (field.tensor,)),), PrepareImage(inputs))
