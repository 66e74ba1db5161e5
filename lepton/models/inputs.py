"""From rows to tensors: fitted on the source once, carried by the model, applied to every domain alike."""

from __future__ import annotations

from typing import Any

from lepton.core.config import EncoderConfig
from lepton.core.errors import LeptonError
from lepton.core.table import Table
from lepton.models.image_inputs import ImageInputs
from lepton.models.table_inputs import TableInputs

InputSpec = ImageInputs | TableInputs
"""Both have `kind`, `tensor_shape`, `to_tensor(table)`, `to_json()` and `from_json()`."""


def fit_inputs(table: Table, encoder: EncoderConfig) -> InputSpec:
    """Return how rows like those of `table` become tensors.

    Raises:
        LeptonError: If there is no row to fit on.
    """
    if not len(table):
        raise LeptonError("There are no rows to fit the model's inputs on.")
    return ImageInputs.fitted(table, encoder) if table.kind == "image" else TableInputs.fitted(table)


def inputs_from_json(value: dict[str, Any]) -> InputSpec:
    """Read what `to_json` wrote.

    Raises:
        KeyError, TypeError, ValueError: If it is something else; the model format turns these into a LeptonError.
    """
    kind = value["kind"]
    if kind == "image":
        return ImageInputs.from_json(value)
    if kind == "tabular":
        return TableInputs.from_json(value)
    raise ValueError(f"inputs of unknown kind {kind!r}")
