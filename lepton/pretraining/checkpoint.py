"""Where a training run stands, in one file that is whole or absent: what is killed goes on from it bit for bit.

A file holds the weights, the best weights so far, the optimiser's moments, the state of the random generator and the
order in which the rows of the present epoch are dealt; small numbers are in its header. It is safetensors, so nothing
in it can run.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save as dump_tensors
from torch import Tensor

from lepton.core.errors import LeptonError
from lepton.core.work.files import atomic_write, digest

FORMAT = 1
FRESH = "lepton pretrain --fresh  (begins the training again)"


@dataclass
class Checkpoint:
    """All that decides what comes next: tensors, and numbers that are exact in JSON."""

    tensors: dict[str, Tensor] = field(default_factory=dict)
    numbers: dict[str, Any] = field(default_factory=dict)


@dataclass
class Keeper:
    """Writes and reads the checkpoint of one stage.

    Args:
        path: The file; None keeps nothing.
        seconds: Between two of them.
    """

    path: Path | None
    seconds: float = 30.0
    last: float = field(default_factory=time.monotonic)

    def due(self) -> bool:
        """Return whether it is time for another one."""
        return self.path is not None and time.monotonic() - self.last >= self.seconds

    def keep(self, found: Checkpoint) -> None:
        """Write a checkpoint over the one before."""
        if self.path is None:
            return
        about = {"format": FORMAT, "shape": shape_of(found.tensors), "numbers": found.numbers}
        tensors = {name: tensor.contiguous() for name, tensor in found.tensors.items()}
        atomic_write(self.path, dump_tensors(tensors, {"lepton": json.dumps(about)}))
        self.last = time.monotonic()

    def found(self, like: Callable[[], Mapping[str, Tensor]]) -> Checkpoint | None:
        """Return what an interrupted run left; None if it left nothing.

        Args:
            like: Returns the weights of the module that is to go on.

        Raises:
            LeptonError: If the file is damaged, of a newer lepton, or of another network.
        """
        if self.path is None or not self.path.exists():
            return None
        try:
            with safe_open(self.path, "pt") as file:
                about = json.loads((file.metadata() or {}).get("lepton", "{}"))
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # it is no mapping
        except (SafetensorError, OSError, ValueError) as error:
            raise self._useless("it is cut off or damaged", str(error)) from None
        if about.get("format") != FORMAT:
            said = f"It has the format {about.get('format')}; this lepton reads {FORMAT}."
            raise self._useless("another lepton wrote it", said)
        if about["shape"] != shape_of(tensors):
            raise self._useless("it is damaged", "Its header does not describe its content.")
        names = {name.removeprefix("weights."): tensor for name, tensor in tensors.items() if name[:8] == "weights."}
        wrong = [
            name
            for name, tensor in like().items()
            if name not in names or names[name].shape != tensor.shape or names[name].dtype != tensor.dtype
        ]
        if wrong or len(names) != len(like()):
            said = f"They differ in {wrong[0] if wrong else 'the number of tensors'}."
            raise self._useless("it is of another network than is to be trained", said)
        return Checkpoint(tensors, about["numbers"])

    def _useless(self, what: str, why: str) -> LeptonError:
        return LeptonError(f"The checkpoint {self.path} cannot be gone on from: {what}.", why=why, fix=[FRESH])


def shape_of(tensors: Mapping[str, Tensor]) -> str:
    """Return a digest of names, shapes and types."""
    return digest(sorted([name, list(t.shape), str(t.dtype)] for name, t in tensors.items()))
