"""How far two model folders are apart: their bytes, their weights, and their answers to the same rows."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from lepton.core.table import Table
from lepton.models.examples import made_up_rows
from lepton.models.format import DESCRIPTION, WEIGHTS, load
from lepton.models.model import Model


@dataclass(frozen=True)
class Deviation:
    """What a second model differs in from a first one."""

    identical: bool
    """The weights' file is the same to the bit, and so is all that describes the model."""
    structure: str
    """Why the weights cannot be compared one by one; empty if they can."""
    weights: float | None
    """Largest difference of a weight; None if the structure differs."""
    tensor: str
    """Where that is; empty if no weight differs."""
    tensors: tuple[int, int]
    """How many tensors differ, and how many there are."""
    temperature: float
    """Difference of the temperatures."""
    outputs: float | None
    """Largest difference of a probability; None if the classes differ."""
    answers: int
    """Rows that get another answer."""
    rows: int
    """Rows that both were asked about."""

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return asdict(self)


def deviation(first: Path, second: Path, rows: Table) -> Deviation:
    """Compare two folders that `lepton.models.format` wrote.

    Args:
        first: The one to compare with.
        second: The other.
        rows: Both are asked about; if there are none, about rows made up from what the first one's inputs say.
    """
    a, b = load(first), load(second)
    asked = rows if len(rows) else made_up_rows(a.inputs)
    worst, tensor, differing = _weights(a, b)
    outputs, answers = _outputs(a, b, asked)
    return Deviation(
        identical=_same_bytes(first, second) and a.digest() == b.digest(),
        structure=_structure(a, b),
        weights=worst,
        tensor=tensor,
        tensors=(differing, len(a.state_dict())),
        temperature=abs(a.temperature - b.temperature),
        outputs=outputs,
        answers=answers,
        rows=len(asked),
    )


def _same_bytes(first: Path, second: Path) -> bool:
    """Return whether weights and description are the same; a description may be of another version of the format."""
    if (first / WEIGHTS).read_bytes() != (second / WEIGHTS).read_bytes():
        return False
    a, b = (json.loads((folder / DESCRIPTION).read_text(encoding="utf-8")) for folder in (first, second))
    other_version = a["version"] != b["version"]
    return other_version or (first / DESCRIPTION).read_bytes() == (second / DESCRIPTION).read_bytes()


def _structure(a: Model, b: Model) -> str:
    if a.classes != b.classes:
        return "other classes"
    if a.inputs.to_json() != b.inputs.to_json():
        return "other inputs"
    shapes = [{name: tuple(t.shape) for name, t in model.state_dict().items()} for model in (a, b)]
    return "" if shapes[0] == shapes[1] else "another architecture"


def _weights(a: Model, b: Model) -> tuple[float | None, str, int]:
    """Return the largest difference, where it is, and how many tensors differ."""
    ours, theirs = a.state_dict(), b.state_dict()
    if {name: t.shape for name, t in ours.items()} != {name: t.shape for name, t in theirs.items()}:
        return None, "", len(ours)
    apart = {name: _largest(tensor, theirs[name]) for name, tensor in ours.items()}
    worst = max(apart, key=lambda name: apart[name])
    return apart[worst], worst if apart[worst] else "", sum(value > 0 for value in apart.values())


def _largest(a: Tensor, b: Tensor) -> float:
    return float((a.double() - b.double()).abs().max()) if a.numel() else 0.0


def _outputs(a: Model, b: Model, rows: Table) -> tuple[float | None, int]:
    """Return the largest difference of a probability, and how many rows get another answer."""
    if a.classes != b.classes:
        return None, len(rows)
    ours, theirs = a.predict_proba(rows), b.predict_proba(rows)
    apart = float(np.abs(ours - theirs).max(initial=0.0))
    return apart, int((ours.argmax(axis=1) != theirs.argmax(axis=1)).sum())
