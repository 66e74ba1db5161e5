"""Rows that may be asked about: the made-up examples that a graph carries, as a caller would write them."""

from __future__ import annotations

from typing import Any

import numpy as np

from lepton.contract.spec import Contract
from lepton.graph.about import About
from lepton.graph.fields import IMAGE, MISSING, Arrays, Field
from lepton.serving.asked import Columns


def example_columns(about: About) -> Columns:
    """Return the example rows of a graph by column."""
    inputs = about.examples.inputs
    rows = len(about.examples.probabilities)
    return {one.column: [_value(one, inputs, row) for row in range(rows)] for one in about.fields}


def example_row(about: About, contract: Contract) -> dict[str, Any]:
    """Return a row that the contract lets pass: an example, its numbers and words moved to what is allowed."""
    columns = example_columns(about)
    rules = {rule.name: rule for rule in contract.columns}
    found: dict[str, Any] = {}
    for name, values in columns.items():
        value, rule = values[0], rules.get(name)
        if rule is not None and rule.dtype == "number":
            value = 0.0 if value is None else value
            value = min(max(value, value if rule.min is None else rule.min), value if rule.max is None else rule.max)
            value = round(value, 3) if _within(round(value, 3), rule.min, rule.max) else value
        elif rule is not None and rule.values and value not in rule.values:
            value = rule.values[0]
        if name == IMAGE and value is not None:
            value = value.tolist()
        if value is not None:
            found[name] = value
    return found


def _value(field: Field, inputs: Arrays, row: int) -> Any:
    tensor = inputs[field.tensor][row]
    count = int(inputs[field.count][row]) if field.count is not None else 1
    if field.holds == "number":
        return None if np.isnan(tensor) else float(tensor)
    if field.holds == "category":
        return None if tensor == MISSING else str(tensor)
    if count < 0:
        return None
    if field.holds == "text":
        return bytes(tensor[:count]).decode("utf-8", "ignore")
    return [float(step) for step in tensor[:count]] if field.holds == "series" else tensor


def _within(value: float, low: float | None, high: float | None) -> bool:
    return (low is None or low <= value) and (high is None or value <= high)
