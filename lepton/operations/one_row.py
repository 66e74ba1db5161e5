"""One row as a person or a program writes it, checked as a request to the server is, by the same rules."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from lepton.core.config.serve import Breach
from lepton.core.errors import UsageError
from lepton.graph.fields import IMAGE, is_missing
from lepton.serving.asked import Asked, Columns
from lepton.serving.check import Rules
from lepton.serving.rejected import Rejected

if TYPE_CHECKING:
    from lepton.contract.spec import Contract


def columns_of(row: Mapping[str, Any], contract: Contract, strict: Collection[Breach]) -> Columns:
    """Return a row as the model reads it: every column of the contract, None where the row has no value.

    Args:
        row: Values by column. A date that the contract keeps parts of may come whole.
        contract: Of the domain: which columns there are, and what each holds.
        strict: Which breaches are refused, as `serve.strict`; that a value is missing never is, since it is told.

    Raises:
        UsageError: If the row breaks the contract, or has no value at all; names the columns and what is allowed.
    """
    asked = Asked({str(name): [_plain(value)] for name, value in row.items()}, 1, "list")
    try:
        return Rules(contract, [kind for kind in strict if kind != "missing"]).check(asked).columns
    except Rejected as error:
        why = error.why.replace("row 1, column", "column")  # there is one
        raise UsageError(f"The row breaks the contract of {contract.domain!r}.", why, error.fix) from None


def as_frame(columns: Columns, contract: Contract) -> Any:
    """Return what `columns_of` returned as `lepton.models.frames.answer` takes rows: a DataFrame, or images."""
    import pandas as pd

    if not contract.columns:
        return np.stack(columns[IMAGE])
    frame = {
        rule.name: pd.Series(columns[rule.name], dtype="float64" if rule.dtype == "number" else object)
        for rule in contract.columns
    }
    if contract.image is not None:
        frame[IMAGE] = pd.Series(columns[IMAGE], dtype=object)
    return pd.DataFrame(frame)


def _plain(value: Any) -> Any:
    """Return a value as JSON would have it: what pandas and numpy give for a cell has types of their own."""
    import pandas as pd

    if isinstance(value, np.ndarray) and value.ndim > 1:
        return value  # an image
    if isinstance(value, np.ndarray | list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item()
    if is_missing(value) or value is pd.NaT or value is pd.NA:
        return None
    return value.isoformat() if isinstance(value, date) else value  # a time is a date, too
