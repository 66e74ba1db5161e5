"""From rows to tensors: what prepares them is fitted on the source once and applied to every domain alike."""

from __future__ import annotations

from typing import Any

from lepton.core.config.settings import EncoderConfig
from lepton.core.errors import LeptonError
from lepton.core.table import Table
from lepton.models.input_spec import InputSpec, spec_of


def fit_inputs(table: Table, encoder: EncoderConfig) -> InputSpec:
    """Return how rows like those of `table` become tensors.

    Raises:
        LeptonError: If there is no row to fit on, or one of several inputs is missing in all of them.
    """
    if not len(table):
        raise LeptonError("There are no rows to fit the model's inputs on.")
    return spec_of(table.kind).fitted(table, encoder)


def inputs_from_json(value: dict[str, Any]) -> InputSpec:
    """Read what `to_json` wrote.

    Raises:
        KeyError, TypeError, ValueError: If it is something else; the model format turns these into a LeptonError.
    """
    return spec_of(value["kind"]).from_json(value)


__all__ = ["InputSpec", "fit_inputs", "inputs_from_json"]
