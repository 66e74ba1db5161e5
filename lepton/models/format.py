"""The model folder: `model.json` says how to build it, `weights.safetensors` holds the numbers. Nothing is executed.

Version 3 of `model.json`:
    {"format": "lepton-model", "version": 3, "inputs": {...}, "encoder": {EncoderConfig with its name},
     "adapters": [{"kind": "bottleneck", "width": w}, ...], "classes": [...], "temperature": t,
     "weights": "<sha256 of weights.safetensors>", "statistics": "<sha256 of statistics.safetensors>" or null}
The encoder of an ensemble is {"name": "joint", "members": [{"encoder": {...}, "adapters": [...],
"temperature": t}, ...]}.
Version 2 had no statistics and no ensembles. Version 1 knew one kind of adapter: `"adapters": [w, ...]`.

A change of the description raises `VERSION` and adds to `UPGRADES` what makes the version before it the new one; a
stored model of every version is under test (tests/fixtures/models).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load as parse_tensors
from safetensors.torch import save as dump_tensors
from torch import nn

from lepton.core.config.settings import EncoderConfig
from lepton.core.errors import LeptonError, NotFound
from lepton.core.work.files import atomic_dir, sha256
from lepton.models.adapters import Bottleneck
from lepton.models.encoders import Encoder, build_encoder
from lepton.models.inputs import InputSpec, inputs_from_json
from lepton.models.joint import NAME as JOINT
from lepton.models.joint import Joint, Member, MixtureHead
from lepton.models.model import Model
from lepton.models.statistics import DomainStatistics

FORMAT = "lepton-model"
VERSION = 3
DESCRIPTION = "model.json"
WEIGHTS = "weights.safetensors"
STATISTICS = "statistics.safetensors"
MOST_MEMBERS = 32
_KEYS = {"format", "version", "inputs", "encoder", "adapters", "classes", "temperature", "weights"}
_ADDED = {3: {"statistics"}}
"""Keys by the version that added them."""
_LARGEST_DESCRIPTION = 16 * 1024 * 1024


def save(model: Model, folder: Path) -> Path:
    """Write `model` into `folder`, whole or not at all; an existing folder is replaced. Equal models, equal bytes."""
    with atomic_dir(Path(folder)) as temporary:
        weights = temporary / WEIGHTS
        weights.write_bytes(dump_tensors({name: t.contiguous() for name, t in sorted(model.state_dict().items())}))
        if model.statistics is not None:
            (temporary / STATISTICS).write_bytes(dump_tensors(model.statistics.tensors()))
        description = {
            "format": FORMAT,
            "version": VERSION,
            "inputs": model.inputs.to_json(),
            "encoder": _encoder_to_json(model),
            "adapters": _adapters_to_json(model.adapters),
            "classes": list(model.classes),
            "temperature": model.temperature,
            "weights": sha256(weights),
            "statistics": None if model.statistics is None else sha256(temporary / STATISTICS),
        }
        (temporary / DESCRIPTION).write_text(
            json.dumps(description, indent=2, allow_nan=False) + "\n", encoding="utf-8"
        )
    return Path(folder)


def load(folder: Path) -> Model:
    """Read what `save` of this lepton, or of an older one, wrote.

    Raises:
        NotFound: If the folder or one of its files is missing.
        LeptonError: If the format or its version is another, a file is damaged, or the tensors are not the model's.
    """
    folder = Path(folder)
    for name in (DESCRIPTION, WEIGHTS):
        if not (folder / name).is_file():
            raise NotFound(f"{folder} is not a model: {name} is missing.", fix=["lepton doctor"])
    description = _describe(folder)
    found = sha256(folder / WEIGHTS)
    if found != description["weights"]:
        raise _damaged(
            folder, f"{WEIGHTS} is not the file that {DESCRIPTION} was written with (SHA-256 {found[:12]}...)."
        )
    description = _upgraded(description, folder)
    try:
        model = _build(description)
    except LeptonError as error:
        raise _damaged(folder, error.render()) from None
    except (KeyError, TypeError, ValueError, OverflowError, ValidationError) as error:
        raise _damaged(folder, f"{DESCRIPTION} does not describe a model: {error}") from None
    try:
        tensors = parse_tensors((folder / WEIGHTS).read_bytes())
    except (SafetensorError, ValueError, KeyError) as error:
        raise _damaged(folder, f"{WEIGHTS} is not a safetensors file: {error}") from None
    _fill(model, tensors, folder)
    if description["statistics"] is not None:
        model.statistics = _statistics(folder, description["statistics"], model)
    return model


def _encoder_to_json(model: Model) -> dict[str, Any]:
    """Return the encoder's description; an ensemble's is the list of its members."""
    if not isinstance(model.encoder, Joint):
        return model.encoder.config.model_dump()
    if not isinstance(model.head, MixtureHead):
        raise TypeError("an ensemble's head must stay a mixture: the format knows no other head over several members")
    members = [
        {"encoder": m.encoder.config.model_dump(), "adapters": _adapters_to_json(m.adapters), "temperature": t}
        for m, t in zip(model.encoder.parts(), model.head.temperatures, strict=True)
    ]
    return {"name": JOINT, "members": members}


def _adapters_to_json(adapters: nn.ModuleList) -> list[dict[str, Any]]:
    return [{"kind": "bottleneck", "width": adapter.width} for adapter in adapters if isinstance(adapter, Bottleneck)]


def _describe(folder: Path) -> dict[str, Any]:
    """Return the checked keys of model.json."""
    path = folder / DESCRIPTION
    if path.stat().st_size > _LARGEST_DESCRIPTION:
        raise _damaged(folder, f"{DESCRIPTION} is larger than {_LARGEST_DESCRIPTION // 1024**2} MB.")
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise _damaged(folder, f"{DESCRIPTION} is not JSON: {error}") from None
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise _damaged(folder, f"{DESCRIPTION} does not say that it is a {FORMAT}.")
    version = value.get("version")
    if type(version) is not int or not 1 <= version <= VERSION:
        raise LeptonError(
            f"{folder} is written in version {version!r} of the model format.",
            why=f"This lepton reads versions 1 to {VERSION}.",
            fix=["use the lepton version that wrote the model, or a newer one"],
        )
    expected = _KEYS.union(*(keys for since, keys in _ADDED.items() if since <= version))
    if set(value) != expected:
        raise _damaged(folder, f"{DESCRIPTION}: unexpected or missing keys {sorted(set(value) ^ expected)}.")
    return value


def _upgraded(description: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the description as the present version would write it."""
    try:
        while description["version"] < VERSION:
            description = UPGRADES[description["version"]](description)
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(folder, f"{DESCRIPTION} does not describe a model: {error}") from None
    return description


def _from_1(description: dict[str, Any]) -> dict[str, Any]:
    """Name the kind of each adapter."""
    widths = description["adapters"]
    if not isinstance(widths, list):
        raise ValueError("adapters must be a list of widths")
    return {**description, "version": 2, "adapters": [{"kind": "bottleneck", "width": width} for width in widths]}


def _from_2(description: dict[str, Any]) -> dict[str, Any]:
    """Say that nothing is known of the domain."""
    return {**description, "version": 3, "statistics": None}


UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _from_1, 2: _from_2}
"""Version -> what makes its description one of the next version."""


def _build(description: dict[str, Any]) -> Model:
    """Return the described model with weights that nobody has set yet."""
    classes = _list(description["classes"], "classes")
    if not (classes and all(isinstance(c, str) for c in classes)):
        raise ValueError("classes must be a list of texts")
    if len(set(classes)) != len(classes):
        raise ValueError("a class is named twice")
    inputs = inputs_from_json(description["inputs"])
    encoder, head = _encoder_and_head(description["encoder"], inputs, len(classes))
    adapters = _adapters(description["adapters"], encoder.feature_dim)
    return Model(inputs, encoder, head, classes, adapters, _temperature(description["temperature"]))


def _encoder_and_head(value: Any, inputs: InputSpec, classes: int) -> tuple[Encoder, nn.Module]:
    """Return an encoder with its linear head, or an ensemble's with its mixture."""
    if not isinstance(value, dict) or value.get("name") != JOINT:
        config = EncoderConfig.model_validate(value)
        encoder = build_encoder(config, inputs.layout)
        return encoder, nn.Linear(encoder.feature_dim, classes)
    described = _list(value["members"], "members")
    if not 1 <= len(described) <= MOST_MEMBERS:
        raise ValueError(f"an ensemble has 1 to {MOST_MEMBERS} members")
    members, heads, temperatures = [], [], []
    for member in described:
        if not isinstance(member, dict) or set(member) != {"encoder", "adapters", "temperature"}:
            raise ValueError("a member has encoder, adapters and temperature")
        config = EncoderConfig.model_validate(member["encoder"])  # refuses an ensemble within an ensemble
        part = build_encoder(config, inputs.layout)
        members.append(Member(part, _adapters(member["adapters"], part.feature_dim)))
        heads.append(nn.Linear(part.feature_dim, classes))
        temperatures.append(_temperature(member["temperature"]))
    return Joint(members), MixtureHead(heads, temperatures)


def _adapters(value: Any, features: int) -> list[Bottleneck]:
    return [Bottleneck(features, _width(adapter)) for adapter in _list(value, "adapters")]


def _temperature(value: Any) -> float:
    temperature = float(value)
    if not (math.isfinite(temperature) and temperature > 0):
        raise ValueError("temperature must be a positive number")
    return temperature


def _width(adapter: Any) -> int:
    """Return the width of a described adapter."""
    if not isinstance(adapter, dict) or set(adapter) != {"kind", "width"} or adapter["kind"] != "bottleneck":
        raise ValueError(f"adapters of an unknown kind: {adapter!r}")
    width = adapter["width"]
    if type(width) is not int or not 0 < width <= 4096:
        raise ValueError("adapters must have widths between 1 and 4096")
    return width


def _list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{name} must be a list")
    return value


def _fill(model: Model, tensors: dict[str, torch.Tensor], folder: Path) -> None:
    """Load the tensors if they are exactly the model's, by name, shape and type."""
    try:
        for name, part in model.named_modules():
            if isinstance(part, Encoder):
                part.receive({k.removeprefix(f"{name}."): t for k, t in tensors.items() if k.startswith(f"{name}.")})
    except (KeyError, ValueError) as error:
        raise _damaged(folder, f"{WEIGHTS} does not hold the weights that are described: {error}") from None
    expected = model.state_dict()
    if set(tensors) != set(expected):
        raise _damaged(folder, f"{WEIGHTS}: unexpected or missing tensors {sorted(set(tensors) ^ set(expected))[:5]}.")
    for name, tensor in tensors.items():
        if tensor.shape != expected[name].shape or tensor.dtype != expected[name].dtype:
            raise _damaged(folder, f"{WEIGHTS}: {name} is {tensor.dtype} {tuple(tensor.shape)}, not as described.")
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise _damaged(folder, f"{WEIGHTS}: {name} holds numbers that are not finite.")
    model.load_state_dict(tensors)


def _statistics(folder: Path, expected: Any, model: Model) -> DomainStatistics:
    """Return what stands beside the weights about the model's domain."""
    path = folder / STATISTICS
    if not path.is_file() or sha256(path) != expected:
        raise _damaged(folder, f"{STATISTICS} is not the file that {DESCRIPTION} was written with.")
    try:
        found = parse_tensors(path.read_bytes())
        return DomainStatistics.from_tensors(found, len(model.classes), model.feature_dim)
    except (SafetensorError, ValueError, KeyError) as error:
        raise _damaged(folder, f"{STATISTICS} does not hold statistics of this model: {error}") from None


def _damaged(folder: Path, why: str) -> LeptonError:
    return LeptonError(
        f"The model in {folder} cannot be used.", why=why, fix=["restore the folder", "lepton rollback TARGET"]
    )
