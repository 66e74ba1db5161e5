"""The ONNX file: inputs a column, the part that torch traced, the likeliest label, and what the file says of itself.

Strings are what torch has no tensors for, so their operators are put in front here (`LabelEncoder` of ai.onnx.ml). The
file uses standard operators only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lepton.core.extras import require
from lepton.graph.entrance import Entrance

require("onnx")

import onnx  # noqa: E402 (after the word on what is missing)
from onnx import TensorProto, helper  # noqa: E402

OPSET, ML_OPSET, IR = 20, 3, 10
PROBABILITIES, LABEL = "probabilities", "label"
_INNER, _COLUMNS = "inner/", "front/columns"
_TYPES = {
    "float64": TensorProto.DOUBLE,
    "float32": TensorProto.FLOAT,
    "int64": TensorProto.INT64,
    "uint8": TensorProto.UINT8,
}


def joined(
    traced: onnx.ModelProto, entrances: Sequence[Entrance], classes: Sequence[str], metadata: Mapping[str, str]
) -> bytes:
    """Return the file; equal parts give equal bytes.

    Args:
        traced: From tensors to probabilities (n, k).
        entrances: What its inputs are made of, in their order.
        classes: In the order of the probabilities.
        metadata: What the file says of itself.

    Raises:
        onnx.checker.ValidationError: If the parts do not fit together; a mistake of ours.
    """
    inner = onnx.compose.add_prefix(traced, _INNER).graph
    inputs, nodes, names = [], [], {}
    constants = []
    if any(one.stacked for one in entrances):
        constants.append(helper.make_tensor(_COLUMNS, TensorProto.INT64, [1], [1]))
    for at, (entrance, given) in enumerate(zip(entrances, inner.input, strict=True)):
        found, before = _entered(entrance, f"front/{at}")
        inputs += found
        nodes += before
        names[given.name] = f"front/{at}" if entrance.stacked else entrance.inputs[0]
    names[inner.output[0].name] = PROBABILITIES
    for node in inner.node:
        _strip(node)
        for where in (node.input, node.output):
            where[:] = [names.get(name, name) for name in where]
        nodes.append(node)
    for weight in inner.initializer:
        _strip(weight)
    words = [_bytes(name) for name in classes]
    constants.append(helper.make_tensor("front/classes", TensorProto.STRING, [len(words)], words))
    nodes.append(helper.make_node("ArgMax", [PROBABILITIES], ["front/best"], axis=1, keepdims=0))
    nodes.append(helper.make_node("Gather", ["front/classes", "front/best"], [LABEL]))
    outputs = [
        helper.make_tensor_value_info(LABEL, TensorProto.STRING, ["rows"]),
        helper.make_tensor_value_info(PROBABILITIES, TensorProto.DOUBLE, ["rows", len(words)]),
    ]
    graph = helper.make_graph(nodes, "champion", inputs, outputs, [*constants, *inner.initializer])
    operators = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    whole = helper.make_model(graph, opset_imports=operators, ir_version=IR, producer_name="lepton")
    helper.set_model_props(whole, dict(metadata))
    onnx.checker.check_model(whole, full_check=True)
    content: bytes = whole.SerializeToString(deterministic=True)
    return content


def _entered(entrance: Entrance, name: str) -> tuple[list[Any], list[Any]]:
    """Return an entrance's inputs, and the nodes that make columns of them."""
    kind = TensorProto.STRING if entrance.codes else _TYPES[entrance.type]
    if not entrance.stacked:
        shape = [f"longest of {entrance.inputs[0]}"] if entrance.free else entrance.shape
        return [helper.make_tensor_value_info(entrance.inputs[0], kind, ["rows", *shape])], []
    inputs, nodes, columns = [], [], []
    for at, given in enumerate(entrance.inputs):
        inputs.append(helper.make_tensor_value_info(given, kind, ["rows"]))
        code = given
        if entrance.codes:
            code, coding = f"{name}/code/{at}", entrance.codes[at]
            nodes.append(
                helper.make_node(
                    "LabelEncoder",
                    [given],
                    [code],
                    domain="ai.onnx.ml",
                    keys_strings=[_bytes(word) for word in coding.numbers],
                    values_int64s=list(coding.numbers.values()),
                    default_int64=coding.other,
                )
            )
        columns.append(f"{name}/column/{at}")
        nodes.append(helper.make_node("Unsqueeze", [code, _COLUMNS], [columns[-1]]))
    nodes.append(helper.make_node("Concat", columns, [name], axis=1))
    return inputs, nodes


def _bytes(word: str) -> bytes:
    # Half a character has no bytes; `lepton.graph.fields` spells it out, too.
    return word.encode("utf-8", "backslashreplace")


def _strip(part: onnx.NodeProto | onnx.TensorProto) -> None:
    """Remove what a trace says of the machine and the code that it ran in."""
    part.ClearField("metadata_props")
    part.ClearField("doc_string")
