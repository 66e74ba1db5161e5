"""A model as one ONNX file: torch traces preparation and network together, in the order and precision of the model."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from lepton.core.errors import LeptonError
from lepton.core.extras import require
from lepton.core.work.lock import turn
from lepton.models.graph.front import Front
from lepton.models.model import Model


class _Answer(nn.Module):
    """Traced: the tensors of the ports to probabilities (n, k) float64, in the steps of `Model.predict_proba`."""

    def __init__(self, front: Front, model: Model) -> None:
        super().__init__()
        self.prepare = front.prepare
        self.model = model
        self.eval()

    def forward(self, *ports: Tensor) -> Tensor:
        """Return probabilities."""
        prepared, _ = self.prepare(*ports)
        logits: Tensor = self.model(prepared)
        return torch.softmax(logits.double() / self.model.temperature, dim=1)


def graph_of(model: Model, front: Front, metadata: dict[str, str]) -> bytes:
    """Return the ONNX file of a model; equal models with equal metadata give equal bytes.

    Args:
        model: Left as it is.
        front: How its rows enter.
        metadata: What the file says of itself.

    Raises:
        MissingPackage: If onnx is not installed.
        LeptonError: If torch or onnx cannot express the model.
    """
    require("onnx", "onnxscript")
    from lepton.graph.join import joined

    try:
        with turn("torch"), _quiet():  # tracing patches torch for the whole process
            traced = _traced(model, front)
        return joined(traced, [port.entrance for port in front.ports], model.classes, metadata)
    except Exception as error:  # torch's exporter and onnx raise whatever their passes raise
        said = str(error).strip() or type(error).__name__
        raise LeptonError(
            "The model could not be exported as an ONNX graph.",
            why=said.splitlines()[0][:300],
            fix=["name another encoder or strategy in lepton.yaml", "install the versions of constraints.txt"],
        ) from None


@torch.no_grad()
def _traced(model: Model, front: Front) -> Any:
    from lepton.graph.join import OPSET

    rows = torch.export.Dim("rows", min=1)
    shapes = tuple({0: rows, 1: torch.export.Dim.AUTO} if port.free else {0: rows} for port in front.ports)
    found = torch.onnx.export(
        _Answer(front, deepcopy(model)).requires_grad_(False),
        tuple(port.example for port in front.ports),
        dynamo=True,
        opset_version=OPSET,
        dynamic_shapes=(shapes,),
        verbose=False,
    )
    assert found is not None
    return found.model_proto


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the exporter tells of its passes from users."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    before = [one.level for one in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for one in loggers:
            one.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for one, level in zip(loggers, before, strict=True):
                one.setLevel(level)
