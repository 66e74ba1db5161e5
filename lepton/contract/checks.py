"""From a contract to expectations: which checks a delivery gets, and what a failed one means in words.

No vendor here: a `Check` names its expectation, and `gx.py` runs it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from lepton.contract.check import Check as Check
from lepton.contract.check import missing_check, quoted
from lepton.contract.long_columns import HELPERS, columns_of, helper_name, long_checks
from lepton.contract.result import listing
from lepton.contract.spec import ColumnRule, Contract, ImageRule
from lepton.core.config.yaml_file import nearest
from lepton.core.kinds import kind_of
from lepton.core.spelling import BLANKS, MISSING, NUMBER
from lepton.core.table import Table
from lepton.data.columns import RESERVED

EARLIER = f"{RESERVED}in earlier batch"
"""Helper column: the batch that already holds the row's id; the contract wants it empty."""
AXES = ("channels", "height", "width")
SHAPE = tuple(f"{RESERVED}{axis}" for axis in AXES)
DTYPE, LOWEST, HIGHEST, FINITE = (f"{RESERVED}{what}" for what in ("dtype", "minimum", "maximum", "finite"))
IMAGE_COLUMNS = [*SHAPE, DTYPE, LOWEST, HIGHEST, FINITE]
"""Columns that describe a row's image; a delivery may have columns `width` and `height` of its own."""
IS_NUMBER = rf"^[{BLANKS}]*({NUMBER}|{'|'.join(sorted(MISSING))})[{BLANKS}]*$"


def rows_frame(
    table: Table, contract: Contract, has_labels: bool, earlier: Mapping[str, str], before: int = 0
) -> pd.DataFrame:
    """Return what is validated: a row each, counted from 1; an image by a summary of its pixels.

    Args:
        table: The delivery, with final ids.
        contract: The contract it is held against.
        has_labels: Whether it had a label column.
        earlier: Row id -> batch that already holds it.
        before: Rows of the delivery that came before these.
    """
    columns: dict[str, Any] = {contract.id: table.ids}
    if has_labels:
        columns[contract.label] = table.labels
    if table.images is not None:
        columns |= _summary(table.images, table.has_image())
    elif contract.image is not None:  # as if every row lacked its image
        columns |= {name: np.full(len(table), None, dtype=object) for name in IMAGE_COLUMNS}
    if table.frame is not None:
        for name in map(str, table.frame):
            columns |= columns_of(table, name)
    columns[EARLIER] = np.array([earlier.get(row_id) for row_id in table.ids], dtype=object)
    series = {
        name: pd.Series(values, dtype=object if values.dtype.kind == "O" else None) for name, values in columns.items()
    }
    frame = pd.DataFrame(series)
    frame.index = pd.RangeIndex(before + 1, before + len(frame) + 1)
    return frame


def checks_for(contract: Contract, frame: pd.DataFrame) -> list[Check]:
    """Return the checks of a contract for a frame that `rows_frame` made."""
    needs_label = contract.role == "source" or contract.label in frame.columns
    features = [rule.name for rule in contract.columns]
    if contract.image is not None:
        features += IMAGE_COLUMNS
    helpers = [helper for name in features for part in HELPERS if (helper := helper_name(name, part)) in frame.columns]
    expected = [contract.id, *([contract.label] if needs_label else []), *features, *helpers, EARLIER]
    checks = _all_checks(contract, frame, expected)
    bounds = {rule.name: rule.mostly for rule in contract.columns if rule.mostly is not None}
    return [_tolerant(check, bounds.get(check.column, contract.mostly)) for check in checks]


def _tolerant(check: Check, mostly: float) -> Check:
    """Return a check that lets a share of rows break it, if it is one whose rows can be set aside."""
    if not check.spares or mostly >= 1:
        return check
    return replace(check, arguments={**check.arguments, "mostly": mostly})


def _all_checks(contract: Contract, frame: pd.DataFrame, expected: list[str]) -> list[Check]:
    checks = [
        Check(
            "ExpectTableColumnsToMatchSet",
            {"column_set": expected, "exact_match": True},
            "columns",
            lambda _, found: _column_set(found),
            by_row=False,
        ),
        Check(
            "ExpectTableRowCountToBeBetween",
            {"min_value": contract.min_rows},
            "rows",
            lambda _, found: f"{found.get('observed_value')} rows; the contract asks for {contract.min_rows} or more",
            by_row=False,
        ),
        *_id_checks(contract.id),
        Check(
            "ExpectColumnValuesToBeNull",
            {"column": EARLIER},
            contract.id,
            lambda values, _: f"ids that were delivered before, in batch {quoted(values)}",
        ),
    ]
    if contract.label in frame.columns:
        checks += _label_checks(contract)
    if contract.image is not None:
        checks += _image_checks(contract.image)
        if kind_of(contract.kind).images == "some":
            checks.append(missing_check(DTYPE, contract.image.missing, "image"))
    for rule in contract.columns:
        if rule.name not in frame.columns:  # an absent one has been named by the check of the column set
            continue
        if rule.dtype in ("text", "series"):
            checks += long_checks(rule, frame)
        else:
            checks += _column_checks(rule, frame[rule.name])
    return checks


def _id_checks(name: str) -> list[Check]:
    return [
        Check("ExpectColumnValuesToNotBeNull", {"column": name}, name, lambda *_: "no id"),
        Check(
            "ExpectColumnValuesToBeUnique",
            {"column": name},
            name,
            lambda values, _: f"the same id more than once: {quoted(values)}",
        ),
    ]


def _label_checks(contract: Contract) -> list[Check]:
    name = contract.label
    checks = [
        Check(
            "ExpectColumnValuesToBeInSet",
            {"column": name, "value_set": list(contract.classes)},
            name,
            lambda values, _: f"value not allowed: {quoted(values)}; allowed: {listing(contract.classes)}",
        )
    ]
    if contract.label_missing < 1:
        checks.append(missing_check(name, contract.label_missing))
    return checks


def _image_checks(rule: ImageRule) -> list[Check]:
    checks = [
        Check(
            "ExpectColumnValuesToBeInSet",
            {"column": column, "value_set": [size]},
            axis,
            lambda values, _: f"{values[0]}; the contract says {' x '.join(map(str, rule.shape))}",
            meta={"axis": axis},
        )
        for axis, column, size in zip(AXES, SHAPE, rule.shape, strict=True)
    ]
    checks.append(
        Check(
            "ExpectColumnValuesToBeInSet",
            {"column": DTYPE, "value_set": [rule.dtype]},
            "pixels",
            lambda values, _: f"of type {values[0]}; the contract says {rule.dtype}",
        )
    )
    checks.append(
        Check(
            "ExpectColumnValuesToBeInSet",
            {"column": FINITE, "value_set": ["yes"]},
            "pixels",
            lambda *_: "NaN or infinite",
        )
    )
    for column, bound in ((LOWEST, {"min_value": rule.min}), (HIGHEST, {"max_value": rule.max})):
        checks.append(
            Check(
                "ExpectColumnValuesToBeBetween",
                {"column": column, **bound},
                "pixels",
                lambda values, _: f"outside of {rule.min:g} to {rule.max:g}: {quoted(values)}",
                spares=True,
            )
        )
    return checks


def _column_checks(rule: ColumnRule, series: pd.Series) -> list[Check]:
    name = rule.name
    checks = [missing_check(name, rule.missing)] if rule.missing < 1 else []
    is_number = pd.api.types.is_numeric_dtype(series)
    if rule.dtype == "number" and not is_number:
        checks.append(
            Check(
                "ExpectColumnValuesToMatchRegex",
                {"column": name, "regex": IS_NUMBER},
                name,
                lambda values, _: f"not a number: {quoted(values)}" + _comma_hint(values),
            )
        )
    elif rule.dtype == "number":
        # Without a bound of the contract's, the largest float still keeps infinity out.
        low = -sys.float_info.max if rule.min is None else rule.min
        high = sys.float_info.max if rule.max is None else rule.max
        checks.append(
            Check(
                "ExpectColumnValuesToBeBetween",
                {"column": name, "min_value": low, "max_value": high},
                name,
                lambda values, _: f"outside of {_bound(rule.min)} to {_bound(rule.max)}: {quoted(values)}",
                spares=True,
            )
        )
    elif is_number and series.notna().any():
        checks.append(
            Check(
                "ExpectColumnValuesToBeOfType",
                {"column": name, "type_": "object_"},
                name,
                lambda _, found: f"numbers ({found.get('observed_value')}) where the contract has categories",
                by_row=False,
            )
        )
    elif rule.values is not None:
        allowed = rule.values
        checks.append(
            Check(
                "ExpectColumnValuesToBeInSet",
                {"column": name, "value_set": list(allowed)},
                name,
                lambda values, _: f"value not allowed: {quoted(values)}; allowed: {listing(allowed)}",
                spares=True,
            )
        )
    return checks


def label_checks(contract: Contract) -> list[Check]:
    """Return the checks of a delivery of labels for stored rows: columns id, label and `EARLIER`."""
    return [
        *_id_checks(contract.id),
        Check(
            "ExpectColumnValuesToNotBeNull",
            {"column": EARLIER},
            contract.id,
            lambda *_: f"ids of no stored row of domain {contract.domain!r}",
        ),
        *_label_checks(contract.model_copy(update={"role": "target", "label_missing": 0.0})),
    ]


def _column_set(found: dict[str, Any]) -> str:
    mismatched = (found.get("details") or {}).get("mismatched") or {}
    missing, extra = list(mismatched.get("missing") or ()), list(mismatched.get("unexpected") or ())
    parts = []
    for name in missing:
        near = nearest(name, extra) or next((e for e in extra if e.strip().lower() == name.strip().lower()), None)
        parts.append(f"missing: {name!r}" + (f" (is {near!r} it, renamed?)" if near else ""))
    if extra:
        parts.append(f"not in the contract: {', '.join(map(repr, extra))}")
    return "; ".join(parts)


def _summary(images: np.ndarray[Any, Any], there: np.ndarray[Any, Any]) -> dict[str, Any]:
    """Return what is checked of images; rows without one have no value in any of it."""
    if there.all():
        return _pixels(images)
    found = {name: pd.Series(values).astype(object) for name, values in _pixels(images).items()}
    return {name: values.where(there, None).to_numpy() for name, values in found.items()}


def _pixels(images: np.ndarray[Any, Any]) -> dict[str, Any]:
    n, c, h, w = images.shape
    flat = images.reshape(n, -1)
    finite = np.isfinite(flat).all(axis=1)
    return {
        **{name: np.full(n, size) for name, size in zip(SHAPE, (c, h, w), strict=True)},
        DTYPE: np.full(n, str(images.dtype), dtype=object),
        # A NaN would make both NaN, which reads as a missing value; `finite` reports it.
        LOWEST: np.where(finite, flat.min(axis=1), 0).astype(np.float64) if not finite.all() else flat.min(axis=1),
        HIGHEST: np.where(finite, flat.max(axis=1), 0).astype(np.float64) if not finite.all() else flat.max(axis=1),
        FINITE: np.where(finite, "yes", "no").astype(object),
    }


def _comma_hint(values: Sequence[Any]) -> str:
    comma = any(isinstance(value, str) and value.count(",") == 1 for value in values)
    return "; write a decimal point, not a comma" if comma else ""


def _bound(value: float | None) -> str:
    return "any" if value is None else f"{value:g}"
