"""From rows to tensors: fitted on the source once, carried by the model, applied to every domain alike."""

from __future__ import annotations

from typing import Any

from lepton.core.config.settings import EncoderConfig
from lepton.core.errors import LeptonError
from lepton.core.table import Table
from lepton.models.mixed_inputs import SINGLE, MixedInputs, Single, fit_single

InputSpec = Single | MixedInputs
"""All have `kind`, `texts`, `series`, `layout`, `tensor_shape`, `to_tensor(table)`, `to_json()` and `from_json()`."""


def fit_inputs(table: Table, encoder: EncoderConfig) -> InputSpec:
    """Return how rows like those of `table` become tensors.

    Raises:
        LeptonError: If there is no row to fit on, or one of several inputs is missing in all of them.
    """
    if not len(table):
        raise LeptonError("There are no rows to fit the model's inputs on.")
    return MixedInputs.fitted(table, encoder) if table.kind == "mixed" else fit_single(table, encoder)


def inputs_from_json(value: dict[str, Any]) -> InputSpec:
    """Read what `to_json` wrote.

    Raises:
        KeyError, TypeError, ValueError: If it is something else; the model format turns these into a LeptonError.
    """
    kind = value["kind"]
    if kind == MixedInputs.kind:
        return MixedInputs.from_json(value)
    if kind not in SINGLE:
        raise ValueError(f"inputs of unknown kind {kind!r}")
    return SINGLE[kind](value)
