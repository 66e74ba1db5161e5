"""A few rows beside the weights with the answers of the day: a model that may serve gives them again.

The rows are made up from what the model's inputs say of themselves (ranges, columns, categories), not taken from data:
a registered model is never changed, so a real row in it could not be forgotten when a person asks for it. No id of a
delivery is in them. They reach every branch of the inputs: gaps, extremes, unknown categories, empty images.

`examples.json` holds columns and what the answers belong to, `examples.safetensors` the images and the probabilities:
    {"format": "lepton-examples", "version": 1, "description": "<sha256 of model.json>", "weights": "<sha256 of
     weights.safetensors>", "tensors": "<sha256 of examples.safetensors>", "columns": {name: [values]} or null}
and for rows that are neither images nor plain tables also {"kind": kind, "texts": [names], "series": [names],
"pictured": [truth values] or null}.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load as parse_tensors
from safetensors.torch import save as dump_tensors
from torch import Tensor

from lepton.core.errors import LeptonError
from lepton.core.table import Table, series_column
from lepton.core.work.files import atomic_write, sha256
from lepton.models.format import DESCRIPTION, WEIGHTS
from lepton.models.input_spec import InputSpec, nameless
from lepton.models.model import Model

EXAMPLES, TENSORS = "examples.json", "examples.safetensors"
ROWS = 8
TOLERANCE = 1e-5
"""Of a probability. The same machine gives the same bits; another processor or another number of threads adds in
another order, which moves float32 sums by about 1e-7 of their size."""
_FORMAT, _VERSION = "lepton-examples", 1
_KEYS = {"format", "version", "description", "weights", "tensors", "columns"}
_MORE = {"kind", "texts", "series", "pictured"}
_LARGEST = 64 * 1024 * 1024


def write_examples(folder: Path, model: Model) -> None:
    """Put example rows and the model's answers beside its weights; equal models get equal bytes.

    Args:
        folder: Where `lepton.models.format` wrote `model`.
        model: As it was read back from there.
    """
    rows = made_up_rows(model.inputs)
    tensors = {"probabilities": torch.from_numpy(model.predict_proba(rows)).contiguous()}
    if rows.images is not None:
        tensors["images"] = torch.from_numpy(np.ascontiguousarray(rows.images))
    atomic_write(folder / TENSORS, dump_tensors(tensors))
    about: dict[str, Any] = {
        "format": _FORMAT,
        "version": _VERSION,
        "description": sha256(folder / DESCRIPTION),
        "weights": sha256(folder / WEIGHTS),
        "tensors": sha256(folder / TENSORS),
        "columns": None if rows.frame is None else _to_json(rows.frame),
    }
    if rows.kind not in ("image", "tabular"):
        pictured = None if rows.pictured is None else rows.pictured.tolist()
        about |= {"kind": rows.kind, "texts": rows.texts, "series": rows.series, "pictured": pictured}
    atomic_write(folder / EXAMPLES, json.dumps(about, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def check_examples(folder: Path, model: Model) -> float | None:
    """Let a model answer its example rows again; return the largest deviation, None if it has no examples.

    Only folders from before there were examples have none: a file that is missing since the registration is found by
    the checksums.

    Args:
        folder: The model's folder.
        model: As it was read from there.

    Raises:
        LeptonError: If a probability deviates by more than `TOLERANCE` (says by how much), or the examples are damaged
            or belong to another model.
    """
    there = [name for name in (EXAMPLES, TENSORS) if (folder / name).exists()]
    if not there:
        return None
    rows, expected = read_examples(folder)
    found = model.predict_proba(rows)
    if found.shape != tuple(expected.shape):
        raise _damaged(folder, f"{TENSORS} holds answers {tuple(expected.shape)}, the model gives {found.shape}.")
    off = np.abs(found - expected.numpy())
    worst = float(off.max(initial=0.0))
    if not worst <= TOLERANCE:  # written so that NaN is no match
        row, column = np.unravel_index(int(np.nan_to_num(off, nan=np.inf).argmax()), off.shape)
        raise LeptonError(
            f"The model in {folder} does not answer its example rows as it did when it was registered.",
            why=f"Largest deviation: {worst:.2g}, in the probability of {model.classes[column]!r} for row {row + 1} of "
            f"{len(off)}; {TOLERANCE:g} is allowed. Either its files or what computes here is not what it was.",
            fix=[
                "lepton doctor",
                "lepton rollback TARGET",
                "install the library versions in requirements.txt beside it",
            ],
        )
    return worst


def read_examples(folder: Path) -> tuple[Table, Tensor]:
    """Return the example rows and the probabilities (n, k) float64 that the model gave at its registration.

    Raises:
        LeptonError: If they are damaged, of a newer version, or those of another model; names the file.
    """
    about = _about(folder)
    for name, key in ((TENSORS, "tensors"), (DESCRIPTION, "description"), (WEIGHTS, "weights")):
        if sha256(folder / name) != about[key]:
            raise _damaged(folder, f"{name} is not the file that {EXAMPLES} was written with.")
    try:
        tensors = parse_tensors((folder / TENSORS).read_bytes())
        expected = tensors.pop("probabilities")
        images = tensors.pop("images").numpy() if "images" in tensors else None
        columns = about["columns"]
        series = tuple(about.get("series", ()))
        rows = Table(
            about.get("kind", "image" if columns is None else "tabular"),
            *nameless(len(expected)),
            images=images,
            frame=None if columns is None else _frame(columns, series),
            texts=tuple(about.get("texts", ())),
            series=series,
            pictured=None if about.get("pictured") is None else np.array(about["pictured"], dtype=bool),
        )
        if tensors or expected.dtype != torch.float64 or expected.ndim != 2:
            raise ValueError("other tensors than probabilities (n, k) and rows")
    except (SafetensorError, AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise _damaged(folder, f"{EXAMPLES} and {TENSORS} do not hold example rows: {error}") from None
    return rows, expected


def made_up_rows(inputs: InputSpec) -> Table:
    """Return `ROWS` rows as a model with these inputs could meet them; the same ones for equal inputs."""
    return inputs.made_up(ROWS, np.random.default_rng(0))


def _to_json(frame: pd.DataFrame) -> dict[str, list[Any]]:
    """Return the columns as JSON: numbers (which JSON keeps to the last bit), texts or lists, null where missing."""
    return {str(name): [_plain(value) for value in frame[name].tolist()] for name in frame.columns}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [None if np.isnan(step) else step for step in value.tolist()]
    return None if pd.isna(value) else value


def _frame(columns: Any, series: tuple[str, ...]) -> pd.DataFrame:
    """Read what `_to_json` wrote."""
    if not isinstance(columns, dict):
        raise ValueError("columns must be lists by name")
    found = {}
    for name, values in columns.items():
        if name in series:
            found[name] = series_column(_steps(name, values))
            continue
        if not isinstance(values, list) or not all(v is None or isinstance(v, str | int | float) for v in values):
            raise ValueError(f"column {name!r} must be a list of numbers or of texts")
        text = any(isinstance(v, str) for v in values)
        found[name] = pd.Series(values, dtype=object if text else np.float64)
    return pd.DataFrame(found)


def _steps(name: str, values: Any) -> list[NDArray[np.float32] | None]:
    if not isinstance(values, list) or not all(v is None or isinstance(v, list) for v in values):
        raise ValueError(f"column {name!r} must be a list of lists of numbers")
    return [None if one is None else np.array(one, dtype=np.float32) for one in values]


def _about(folder: Path) -> dict[str, Any]:
    """Return the checked keys of examples.json."""
    for name in (EXAMPLES, TENSORS, DESCRIPTION, WEIGHTS):
        if not (folder / name).is_file():
            raise _damaged(folder, f"{name} is missing.")
        if name in (EXAMPLES, TENSORS) and (folder / name).stat().st_size > _LARGEST:
            raise _damaged(folder, f"{name} is larger than {_LARGEST // 1024**2} MB.")
    try:
        value = json.loads((folder / EXAMPLES).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise _damaged(folder, f"{EXAMPLES} is not JSON: {error}") from None
    if not isinstance(value, dict) or value.get("format") != _FORMAT or set(value) - _MORE != _KEYS:
        raise _damaged(folder, f"{EXAMPLES} does not hold {_FORMAT}.")
    if value["version"] != _VERSION:
        raise LeptonError(
            f"{folder / EXAMPLES} is written in version {value['version']!r} of its format.",
            why=f"This lepton reads version {_VERSION}.",
            fix=["use the lepton version that wrote the model"],
        )
    return value


def _damaged(folder: Path, why: str) -> LeptonError:
    return LeptonError(
        f"The examples in {folder} cannot be used.", why=why, fix=["restore the folder", "lepton rollback TARGET"]
    )
