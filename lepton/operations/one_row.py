"""One row as a person or a program writes it, made into the columns that a model reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lepton.core.errors import LeptonError, UsageError
from lepton.graph.fields import IMAGE, is_missing

if TYPE_CHECKING:
    import pandas as pd

    from lepton.contract.spec import Contract
    from lepton.core.kinds import ColumnType


def as_frame(row: Mapping[str, Any], contract: Contract) -> tuple[Any, tuple[str, ...]]:
    """Return a row as `Champion.predict` takes rows, and the columns that have no value in it.

    Args:
        row: Values by column.
        contract: Of the domain: which columns there are, and what each holds.

    Raises:
        UsageError: If the row has none of the columns, or one that is not known.
        LeptonError: If a value is not what its column holds.
    """
    import pandas as pd

    known = [rule.name for rule in contract.columns] + [IMAGE] * (contract.image is not None)
    passed = {contract.id, contract.label, *contract.ignore}
    if strange := [str(name) for name in row if name not in known and name not in passed]:
        raise UsageError(
            f"Domain {contract.domain!r} has no column {', '.join(map(repr, strange))}.",
            why=f"It has: {', '.join(known)}.",
            fix=["correct the name", "leave the column out"],
        )
    missing = tuple(name for name in known if is_missing(row.get(name)))
    if len(missing) == len(known):
        raise UsageError("The row has no value in any column.", why=f"Columns: {', '.join(known)}.")
    image = None if is_missing(row.get(IMAGE)) else _image(row[IMAGE], contract)
    if not contract.columns:
        return image[None] if image is not None else image, missing
    columns = {rule.name: _column(rule.name, rule.dtype, row.get(rule.name)) for rule in contract.columns}
    if contract.image is not None:
        columns[IMAGE] = pd.Series([image], dtype=object)
    return pd.DataFrame(columns), missing


def _column(name: str, holds: ColumnType, value: Any) -> pd.Series[Any]:
    import pandas as pd

    if is_missing(value):
        return pd.Series([np.nan]) if holds == "number" else pd.Series([None], dtype=object)
    try:
        if holds == "number":
            return pd.Series([float(value)])
        if holds == "series":
            steps = np.array(value, dtype=np.float32)  # None within it becomes NaN, a gap
            if steps.ndim == 1:
                return pd.Series([steps], dtype=object)
            raise ValueError
    except (TypeError, ValueError):
        wanted = "a number" if holds == "number" else "a list of numbers"
        raise LeptonError(
            f"Column {name!r}: {str(value)[:60]!r} is not {wanted}.",
            fix=["correct the value", "leave it out if missing"],
        ) from None
    return pd.Series([str(value)], dtype=object)


def _image(value: Any, contract: Contract) -> Any:
    assert contract.image is not None
    wanted = contract.image
    try:
        image = np.asarray(value, dtype=wanted.dtype)
    except (TypeError, ValueError, OverflowError):
        raise LeptonError(
            "The image is no array of pixels.", why=f"It must be {wanted.shape}, {wanted.dtype}."
        ) from None
    if image.ndim == 2:
        image = image[None]
    if image.shape != wanted.shape:
        raise LeptonError(
            f"The image has the shape {image.shape}.", why=f"Those of the domain have {wanted.shape}: (C, H, W)."
        )
    return image
