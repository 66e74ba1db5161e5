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
from lepton.models.image_inputs import ImageInputs
from lepton.models.inputs import InputSpec
from lepton.models.mixed_inputs import MixedInputs, Single
from lepton.models.model import Model
from lepton.models.sequence_inputs import SequenceInputs
from lepton.models.table_inputs import Categorical, Numeric, TableInputs
from lepton.models.text_inputs import TextInputs

EXAMPLES, TENSORS = "examples.json", "examples.safetensors"
ROWS = 8
TOLERANCE = 1e-5
"""Of a probability. The same machine gives the same bits; another processor or another number of threads adds in
another order, which moves float32 sums by about 1e-7 of their size."""
STRANGER = "(a value that the source never had)"
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
            *_nameless(len(expected)),
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
    random = np.random.default_rng(0)
    if not isinstance(inputs, MixedInputs):
        return _single(inputs, random)
    parts = [_single(part, random) for part in inputs.parts]
    frames = [part.frame for part in parts if part.frame is not None]
    images = [part.images for part in parts if part.images is not None]
    return Table(
        "mixed",
        *_nameless(ROWS),
        images=images[0] if images else None,
        frame=pd.concat(frames, axis=1) if frames else None,
        texts=tuple(name for part in parts for name in part.texts),
        series=tuple(name for part in parts for name in part.series),
        pictured=np.arange(ROWS) != 2 if images else None,
    )


def _single(inputs: Single, random: np.random.Generator) -> Table:
    if isinstance(inputs, ImageInputs):
        return Table("image", *_nameless(ROWS), images=_images(inputs, random))
    if isinstance(inputs, TextInputs):
        frame = pd.DataFrame({inputs.column: pd.Series(_prose(inputs.length, random), dtype=object)})
        return Table("text", *_nameless(ROWS), frame=frame, texts=(inputs.column,))
    if isinstance(inputs, SequenceInputs):
        return Table("sequence", *_nameless(ROWS), frame=_walks(inputs, random), series=inputs.columns)
    return Table("tabular", *_nameless(ROWS), frame=_columns(inputs, random))


def _prose(length: int, random: np.random.Generator) -> list[str | None]:
    """Return words that nobody wrote, in several scripts; one text is missing, one longer than what is read."""
    letters = [
        "etaoinshrdlu",
        "ETAOIN",
        "0123456789",
        "\u00e9\u00e8\u00fc\u00f1",
        "\u0430\u0435\u0438\u043e\u043d\u0442",
        "\u3042\u3044\u3046\u5c71\u6c34",
    ]
    found: list[str | None] = []
    for row in range(ROWS):
        wanted = 2 * length if row == 1 else int(random.integers(1, length + 1))
        alphabet, words = letters[row % len(letters)], ""
        while len(words) < wanted:
            words += "".join(random.choice(list(alphabet), random.integers(1, 9))) + " "
        found.append(words.strip() or None)
    found[2] = None
    return found


def _walks(inputs: SequenceInputs, random: np.random.Generator) -> pd.DataFrame:
    """Return waves and noise of many lengths: one has no step, one more steps than are read, one a gap."""
    lengths = random.integers(1, inputs.length + 1, ROWS)
    lengths[1], lengths[2] = 2 * inputs.length, 0
    columns = {}
    for name, mean, std in zip(inputs.columns, inputs.mean, inputs.std, strict=True):
        rows = []
        for row, steps in enumerate(lengths):
            wave = np.sin(np.arange(steps) / (1 + row)) + 0.3 * random.normal(size=steps)
            rows.append((mean + std * wave).astype(np.float32))
        rows[3][: len(rows[3]) // 2] = np.nan
        columns[name] = series_column(rows)
    return pd.DataFrame(columns)


def _images(inputs: ImageInputs, random: np.random.Generator) -> NDArray[np.generic]:
    """Return noisy blocks of many sizes on the source's background; the first image has nothing on it."""
    channels, height, width = inputs.shape
    ground = np.array(inputs.background)[:, None, None]
    found = np.broadcast_to(ground, (ROWS, channels, height, width)).copy()
    for image in found[1:]:
        tall, wide = random.integers(1, height + 1), random.integers(1, width + 1)
        top, left = random.integers(0, height - tall + 1), random.integers(0, width - wide + 1)
        ink = np.where(ground > 0.5, random.uniform(0, 0.4), random.uniform(0.6, 1))
        image[:, top : top + tall, left : left + wide] = ink + random.uniform(-0.2, 0.2, (channels, tall, wide))
    found = found.clip(0, 1)
    if (inputs.low, inputs.high) == (0.0, 1.0):
        pixels: NDArray[np.generic] = np.rint(found * 255).astype(np.uint8)
    else:
        pixels = (inputs.low + found * (inputs.high - inputs.low)).astype(np.float32)
    return pixels


def _columns(inputs: TableInputs, random: np.random.Generator) -> pd.DataFrame:
    """Return rows around the source's means, each column with a gap; numbers also with an extreme, texts a stranger."""
    columns: dict[str, Any] = {}
    for place, rule in enumerate(inputs.columns):
        gap, odd = place % ROWS, (place + 3) % ROWS
        if isinstance(rule, Numeric):
            with np.errstate(over="ignore"):  # a column of huge numbers: what is too large becomes a gap
                numbers = rule.mean + rule.std * random.normal(size=ROWS)
                numbers[odd], numbers[gap] = np.float64(rule.mean) + 100 * np.float64(rule.std), np.nan
            columns[rule.name] = pd.Series(np.where(np.isfinite(numbers), numbers, np.nan))
        else:
            columns[rule.name] = _texts(rule, random, gap, odd)
    return pd.DataFrame(columns)


def _texts(rule: Categorical, random: np.random.Generator, gap: int, odd: int) -> pd.Series[Any]:
    values: list[str | None] = [str(v) for v in random.choice(rule.values or (STRANGER,), ROWS)]
    values[odd], values[gap] = STRANGER, None
    return pd.Series(values, dtype=object)


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


def _nameless(count: int) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Return ids that are no delivery's, and unknown labels."""
    return np.array([f"example-{k + 1}" for k in range(count)], dtype=object), np.full(count, None, dtype=object)


def _damaged(folder: Path, why: str) -> LeptonError:
    return LeptonError(
        f"The examples in {folder} cannot be used.", why=why, fix=["restore the folder", "lepton rollback TARGET"]
    )
