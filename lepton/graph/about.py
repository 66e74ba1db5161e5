"""What a graph says of itself, in the file's metadata: each a key `lepton.NAME`, so that other programs find it, too.

The tensors of the example rows are JSON: {"type": "float64", "shape": [8], "base64": "..."} (little-endian), or
{"type": "string", "shape": [8], "values": [...]}.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton.core.errors import LeptonError
from lepton.graph.fields import MISSING, Arrays, Field

PREFIX = "lepton."
FORMAT, VERSION = "lepton-graph", 1
TOLERANCE = 1e-5
"""How far a probability of an example row may be off; see `lepton.models.examples.TOLERANCE`."""
_TYPES = ("float64", "float32", "int64", "uint8")


@dataclass(frozen=True)
class Examples:
    """Made-up rows as the graph takes them, with the model's own answers."""

    inputs: Arrays
    probabilities: NDArray[np.float64]
    """(n, k)."""


@dataclass(frozen=True)
class About:
    """Which model it is, what it takes, and what it must answer."""

    domain: str
    model: str
    """Name and version: `lepton-mnist-to-optdigits v2`."""
    digest: str
    """Of the registered version's files."""
    provisional: bool
    """Whether it is the un-adapted base, which nobody verified on this domain."""
    classes: tuple[str, ...]
    """In the order of the probabilities."""
    contract: str
    """Digest of the domain's contract."""
    ledger: str
    """ROW:HASH of the ledger's newest row, which `lepton audit verify --head` takes."""
    lineage: str
    """Digest of the model's record of descent."""
    fields: tuple[Field, ...]
    no_value: tuple[str, ...]
    """Spellings of no value in a column of numbers of a text file."""
    examples: Examples
    lepton: str
    """The version that wrote it."""

    def to_metadata(self) -> dict[str, str]:
        """Return the file's metadata, texts by keys."""
        return {
            f"{PREFIX}format": f"{FORMAT} {VERSION}",
            f"{PREFIX}version": self.lepton,
            f"{PREFIX}domain": self.domain,
            f"{PREFIX}model": self.model,
            f"{PREFIX}digest": self.digest,
            f"{PREFIX}provisional": json.dumps(self.provisional),
            f"{PREFIX}classes": _json(self.classes),
            f"{PREFIX}contract": self.contract,
            f"{PREFIX}ledger": self.ledger,
            f"{PREFIX}lineage": self.lineage,
            f"{PREFIX}fields": _json([one.to_json() for one in self.fields]),
            f"{PREFIX}missing": MISSING,
            f"{PREFIX}no_value": _json(self.no_value),
            f"{PREFIX}examples": _json(
                {
                    "inputs": {name: tensor_to_json(tensor) for name, tensor in self.examples.inputs.items()},
                    "probabilities": tensor_to_json(self.examples.probabilities),
                }
            ),
        }

    @classmethod
    def from_metadata(cls, found: Mapping[str, str], name: str) -> About:
        """Read what `to_metadata` wrote.

        Args:
            found: The file's metadata.
            name: The file's, for errors.

        Raises:
            LeptonError: If lepton did not write it, a newer version did, or it is damaged.
        """
        said = found.get(f"{PREFIX}format", "").split(" ")
        if said[0] != FORMAT:
            raise LeptonError(
                f"{name} is no graph that lepton exported.",
                why="Its metadata does not say what it takes and what it must answer.",
                fix=["lepton export DOMAIN --to champion.onnx"],
            )
        if said[1:] != [str(VERSION)]:
            raise LeptonError(
                f"{name} is written in version {' '.join(said[1:]) or '?'} of its format.",
                why=f"This lepton reads version {VERSION}.",
                fix=["use the lepton version that wrote it", "pip install --upgrade lepton"],
            )
        try:
            told = {key.removeprefix(PREFIX): value for key, value in found.items()}
            examples = json.loads(told["examples"])
            return cls(
                domain=told["domain"],
                model=told["model"],
                digest=told["digest"],
                provisional=json.loads(told["provisional"]) is True,
                classes=tuple(str(one) for one in json.loads(told["classes"])),
                contract=told["contract"],
                ledger=told["ledger"],
                lineage=told["lineage"],
                fields=tuple(Field.from_json(one) for one in json.loads(told["fields"])),
                no_value=tuple(str(one) for one in json.loads(told["no_value"])),
                examples=Examples(
                    {str(key): tensor_from_json(one) for key, one in examples["inputs"].items()},
                    tensor_from_json(examples["probabilities"]),
                ),
                lepton=told["version"],
            )
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise damaged(name, f"Its metadata cannot be read: {error}") from None


def damaged(name: str, why: str) -> LeptonError:
    """Return the error for a graph that must not answer."""
    return LeptonError(f"{name} cannot be used.", why=why, fix=["lepton export DOMAIN --to champion.onnx"])


def tensor_to_json(tensor: NDArray[Any]) -> dict[str, Any]:
    """Return a tensor as the module says."""
    shape = list(tensor.shape)
    if tensor.dtype == object:
        return {"type": "string", "shape": shape, "values": tensor.ravel().tolist()}
    raw = np.ascontiguousarray(tensor, dtype=tensor.dtype.newbyteorder("<")).tobytes()
    return {"type": tensor.dtype.name, "shape": shape, "base64": base64.b64encode(raw).decode()}


def tensor_from_json(value: dict[str, Any]) -> NDArray[Any]:
    """Read what `tensor_to_json` wrote.

    Raises:
        KeyError, TypeError, ValueError: If it is something else.
    """
    shape = tuple(int(side) for side in value["shape"])
    if value["type"] == "string":
        found = np.array([str(one) for one in value["values"]], dtype=object)
        return found.reshape(shape)
    if value["type"] not in _TYPES:
        raise ValueError(f"a tensor of {value['type']!r}")
    raw = base64.b64decode(value["base64"], validate=True)
    return np.frombuffer(raw, dtype=np.dtype(value["type"]).newbyteorder("<")).reshape(shape)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
