"""A model as one ONNX file: torch traces preparation and network together, what torch has no types for is put in front.

The file uses standard operators only (opset 20, ai.onnx.ml 3), in the order and precision in which the model computes.
Equal models with equal facts give equal bytes.
"""

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
from lepton.models.graph.front import Front, Port
from lepton.models.model import Model

require("onnx", "onnxscript")

import onnx  # noqa: E402 (after the word on what is missing)
from onnx import TensorProto, helper  # noqa: E402

OPSET, ML_OPSET, IR = 20, 3, 10
PROBABILITIES, LABEL = "probabilities", "label"
_INNER, _COLUMNS = "inner/", "front/columns"
_TYPES = {
    torch.float64: TensorProto.DOUBLE,
    torch.float32: TensorProto.FLOAT,
    torch.int64: TensorProto.INT64,
    torch.uint8: TensorProto.UINT8,
}


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
    """Return the ONNX file of a model.

    Args:
        model: Left as it is.
        front: How its rows enter.
        metadata: What the file says of itself.

    Raises:
        LeptonError: If torch or onnx cannot express the model.
    """
    with turn("torch"), _quiet():  # tracing patches torch for the whole process
        try:
            traced = _traced(model, front)
        except Exception as error:  # its exporter raises whatever its passes raise
            raise LeptonError(
                "The model could not be exported as an ONNX graph.",
                why=str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__,
                fix=["name another encoder or strategy in lepton.yaml", "install the versions of constraints.txt"],
            ) from None
    whole = _joined(traced, front, model.classes)
    helper.set_model_props(whole, metadata)
    onnx.checker.check_model(whole, full_check=True)
    content: bytes = whole.SerializeToString(deterministic=True)
    return content


@torch.no_grad()
def _traced(model: Model, front: Front) -> onnx.ModelProto:
    rows = torch.export.Dim("rows", min=1)
    shapes = tuple({0: rows, 1: torch.export.Dim.AUTO} if port.free else {0: rows} for port in front.ports)
    frozen = _Answer(front, deepcopy(model)).requires_grad_(False)
    found = torch.onnx.export(
        frozen,
        tuple(port.example for port in front.ports),
        dynamo=True,
        opset_version=OPSET,
        dynamic_shapes=(shapes,),
        input_names=[f"port_{at}" for at in range(len(front.ports))],
        output_names=[PROBABILITIES],
        verbose=False,
    )
    assert found is not None
    return found.model_proto


def _joined(traced: onnx.ModelProto, front: Front, classes: tuple[str, ...]) -> onnx.ModelProto:
    """Return the whole graph: inputs a column, the traced part, and the label beside the probabilities."""
    inner = onnx.compose.add_prefix(traced, _INNER).graph
    inputs, nodes, names = [], [], {}
    constants = []
    if any(port.stacked for port in front.ports):
        constants.append(helper.make_tensor(_COLUMNS, TensorProto.INT64, [1], [1]))
    for at, (port, given) in enumerate(zip(front.ports, inner.input, strict=True)):
        found, before = _entrance(port, f"front/{at}")
        inputs += found
        nodes += before
        names[given.name] = f"front/{at}" if port.stacked else port.inputs[0]
    result = inner.output[0].name
    names[result] = PROBABILITIES
    for node in inner.node:
        _strip(node)
        for where in (node.input, node.output):
            where[:] = [names.get(name, name) for name in where]
        nodes.append(node)
    words = [name.encode("utf-8", "backslashreplace") for name in classes]
    constants.append(helper.make_tensor("front/classes", TensorProto.STRING, [len(words)], words))
    nodes.append(helper.make_node("ArgMax", [PROBABILITIES], ["front/best"], axis=1, keepdims=0))
    nodes.append(helper.make_node("Gather", ["front/classes", "front/best"], [LABEL]))
    outputs = [
        helper.make_tensor_value_info(LABEL, TensorProto.STRING, ["rows"]),
        helper.make_tensor_value_info(PROBABILITIES, TensorProto.DOUBLE, ["rows", len(words)]),
    ]
    for weight in inner.initializer:
        weight.ClearField("metadata_props")
        weight.ClearField("doc_string")
    graph = helper.make_graph(nodes, "champion", inputs, outputs, [*constants, *inner.initializer])
    operators = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    return helper.make_model(graph, opset_imports=operators, ir_version=IR, producer_name="lepton")


def _entrance(port: Port, name: str) -> tuple[list[Any], list[Any]]:
    """Return a port's inputs, and the nodes that make columns of them."""
    kind = TensorProto.STRING if port.codes else _TYPES[port.example.dtype]
    if not port.stacked:
        shape = ["rows", *([f"longest of {port.inputs[0]}"] if port.free else port.example.shape[1:])]
        return [helper.make_tensor_value_info(port.inputs[0], kind, shape)], []
    inputs, nodes, columns = [], [], []
    for at, given in enumerate(port.inputs):
        inputs.append(helper.make_tensor_value_info(given, kind, ["rows"]))
        code = given
        if port.codes:
            code, coding = f"{name}/code/{at}", port.codes[at]
            nodes.append(
                helper.make_node(
                    "LabelEncoder",
                    [given],
                    [code],
                    domain="ai.onnx.ml",
                    keys_strings=[word.encode("utf-8", "backslashreplace") for word in coding.numbers],
                    values_int64s=list(coding.numbers.values()),
                    default_int64=coding.other,
                )
            )
        columns.append(f"{name}/column/{at}")
        nodes.append(helper.make_node("Unsqueeze", [code, _COLUMNS], [columns[-1]]))
    nodes.append(helper.make_node("Concat", columns, [name], axis=1))
    return inputs, nodes


def _strip(node: onnx.NodeProto) -> None:
    """Remove what a trace says of the machine and the code that it ran in."""
    node.ClearField("metadata_props")
    node.ClearField("doc_string")


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
