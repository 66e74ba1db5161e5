"""`inference.pt2` beside the weights: from prepared rows to probabilities in one graph, for who serves without lepton.

A consumer needs torch alone, and loads only a file whose SHA-256 is that of the registration (`lepton.files` among the
version's tags), because torch unpickles parts of a pt2 if a file has such parts; ours are written without any:

    program = torch.export.load("inference.pt2").module()
    probabilities = program(prepared).numpy()    # (n, C, S, S) or (n, columns) float32 -> (n, k) float64, any n >= 1

`prepared` is what `lepton.models.format.load(folder).inputs.to_tensor(table)` gives, by the `inputs` in `model.json`,
where the columns' classes are too. The graph computes in eval mode and cannot be trained: descendants start from the
safetensors.

lepton itself loads no pt2 but the bytes that it has just written, to compare their answers with the model's.
"""

from __future__ import annotations

import io
import warnings
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from lepton.core.errors import LeptonError
from lepton.core.table import Table
from lepton.core.work.files import atomic_write
from lepton.core.work.lock import turn
from lepton.models.examples import TOLERANCE, made_up_rows, read_examples, write_examples
from lepton.models.format import load
from lepton.models.model import Model

INFERENCE = "inference.pt2"


def complete(folder: Path) -> None:
    """Put beside a model's weights what a registered version has: example rows with answers, and the graph.

    Doing so again gives the same bytes, so work that is done again after a crash registers the same files.

    Args:
        folder: As `lepton.models.format` wrote it; the files that it has are not touched.

    Raises:
        LeptonError: If the model cannot be read, or the graph does not answer as the model does.
    """
    model = load(folder)
    write_examples(folder, model)
    rows, _ = read_examples(folder)
    export(folder, model, rows)


def export(folder: Path, model: Model, rows: Table | None = None) -> Path:
    """Write `inference.pt2`, after the graph, read back, has answered rows as the model does.

    Args:
        folder: Where it is written.
        model: Left as it is.
        rows: To compare the answers on; by default made-up ones.

    Raises:
        LeptonError: If an answer deviates by more than `TOLERANCE`, or torch cannot export the model.
    """
    prepared = model.inputs.to_tensor(made_up_rows(model.inputs) if rows is None else rows)
    with turn("torch"):  # tracing, and reading a graph back, patch torch for the whole process
        try:
            content = _graph_of(model, prepared)
        except (RuntimeError, ValueError) as error:  # among them all that its tracing raises
            raise _unlike(str(error).strip().splitlines()[0]) from None
        _compare(content, model, prepared)
    return atomic_write(folder / INFERENCE, content)


class _Answer(nn.Module):
    """What is exported: prepared rows to probabilities, in the same steps as `Model.predict_proba`."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model
        self.eval()

    def forward(self, prepared: Tensor) -> Tensor:
        """Return probabilities (n, k) float64."""
        logits: Tensor = self.model(prepared)
        return torch.softmax(logits.double() / self.model.temperature, dim=1)


@torch.no_grad()
def _graph_of(model: Model, prepared: Tensor) -> bytes:
    """Return the exported graph with its weights; equal models give equal bytes."""
    rows = torch.export.Dim("rows", min=1)
    frozen = _Answer(deepcopy(model)).requires_grad_(False)
    program = torch.export.export(frozen, (prepared,), dynamic_shapes=({0: rows},))
    program.example_inputs = None  # torch would store them as a pickle
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # paths of this machine
    buffer = io.BytesIO()  # a file's name would become part of the archive
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "No complete tensor found")  # says it of kernels laid out like the images
        torch.export.save(program, buffer)
    return buffer.getvalue()


@torch.no_grad()
def _compare(content: bytes, model: Model, prepared: Tensor) -> None:
    """Let the graph that was just written answer all rows, and one row alone, next to the model."""
    program = torch.export.load(io.BytesIO(content)).module()
    for part in (prepared, prepared[:1]):
        off = float(np.abs(program(part).numpy() - model.predict_proba(part)).max(initial=0.0))
        if not off <= TOLERANCE:
            raise _unlike(f"Largest deviation of a probability: {off:.2g}; {TOLERANCE:g} is allowed.")


def _unlike(why: str) -> LeptonError:
    return LeptonError(
        "The model could not be exported for inference, so it is not registered.",
        why=why,
        fix=["name another encoder or strategy in lepton.yaml", "install the versions of constraints.txt"],
    )
