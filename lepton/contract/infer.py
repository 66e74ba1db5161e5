"""A first contract from data: wide enough for tomorrow's honest rows, tight enough for broken ones."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lepton.contract.spec import ColumnRule, Contract, ImageRule
from lepton.core.config.names import check_domain
from lepton.core.errors import LeptonError
from lepton.core.kinds import DatePart, kind_of
from lepton.core.table import Table

SLACK = {"source": 1.0, "target": 3.0}
"""How far beyond the range seen a number may lie, in spans of that range. A target may look different: that is the
monitor's business; the contract's is a slipped decimal point, an error code, another column."""
MISSING = {"source": 0.05, "target": 0.2}
"""Least share of missing values that is allowed."""
MOSTLY = {"source": 1.0, "target": 0.99}
"""Least share of rows that must keep ranges and categories. A slipped decimal point now and then must not cost a target
the whole delivery, and with it the monitor's sight; more than one row in a hundred is no slip, and a person looks. What
the base learns from is looked at in any case."""
MAX_VALUES = 50
"""A category with more values than this may take any."""
MAX_CLASSES = 1000


def infer(
    table: Table,
    domain: str,
    role: Literal["source", "target"],
    *,
    label: str = "label",
    id: str = "id",
    dates: Mapping[str, tuple[DatePart, ...]] | None = None,
    ignore: Sequence[str] = (),
    no_value: Sequence[str] = (),
) -> Contract:
    """Return a contract that `table` meets.

    Args:
        table: The first delivery.
        domain: Its domain.
        role: A source must be labelled.
        label: Name of the label's column in deliveries.
        id: Name of the id's column in deliveries.
        dates: Columns of dates in deliveries, and the parts of them that the table holds.
        ignore: Columns of deliveries that the table does not hold.
        no_value: Further spellings of no value in columns of numbers.

    Raises:
        LeptonError: If a source has no label, one class, or a label that is no class.
    """
    classes = _classes(table, label, role)
    return Contract(
        domain=check_domain(domain),
        role=role,
        kind=table.kind,
        classes=classes,
        label=label,
        label_missing=0.0 if role == "source" and table.known().all() else 1.0,
        id=id,
        mostly=MOSTLY[role],
        image=_image_rule(table, role),
        columns=tuple(_rule(table, name, role) for name in map(str, table.frame)) if table.frame is not None else (),
        dates=dict(dates or {}),
        ignore=tuple(ignore),
        no_value=tuple(no_value),
    )


def for_target(source: Contract, domain: str, table: Table | None = None) -> Contract:
    """Return the contract of a new target: the source's classes and columns, wider ranges.

    Args:
        source: The source's contract.
        domain: The target.
        table: The target's first delivery, if there is one: images may have a shape of their own there, and the ranges
            are stretched to what it holds.

    Raises:
        LeptonError: If `table` is of another kind than the source.
    """
    if table is not None and table.kind != source.kind:
        raise LeptonError(
            f"The source {source.domain!r} is of kind {source.kind}, the delivery for {domain!r} of kind {table.kind}."
        )
    seen = table.frame if table is not None else None
    return Contract(
        domain=check_domain(domain),
        role="target",
        kind=source.kind,
        classes=source.classes,
        label=source.label,
        label_missing=1.0,
        id=source.id,
        mostly=MOSTLY["target"],
        image=_image_rule(table, "target") if table is not None else source.image,
        columns=tuple(_for_target(rule, seen) for rule in source.columns),
        dates=source.dates,
        ignore=source.ignore,
        no_value=source.no_value,
    )


def _classes(table: Table, label: str, role: str) -> tuple[str, ...]:
    found = sorted({value for value in table.labels if value is not None}, key=_natural)
    rows = int(table.known().sum())
    if role == "source" and len(found) < 2:
        raise LeptonError(
            f"The label column {label!r} has one class, {found[0]!r}; a model needs two to tell apart."
            if found
            else f"There is no label: the column {label!r} is absent or empty.",
            fix=["lepton init --from FILE --label COLUMN  (another label column)", "deliver rows of every class"],
        )
    if (mark := _joined_by(found)) is not None:
        example = next(label for label in found if mark in label)
        raise LeptonError(
            f"The label column {label!r} holds several labels in one, such as {example!r}.",
            why="A row has one label here; rows with any number of them (multi-label) are not supported.",
            fix=[
                "lepton init --from FILE --label COLUMN  (another label column)",
                f"make a yes/no column of each label between the {mark!r}, and a workspace of each",
            ],
        )
    if len(found) > min(MAX_CLASSES, max(20, rows // 2)):
        raise LeptonError(
            f"The label column {label!r} has {len(found):,} different values in {rows:,} rows: these are no classes.",
            why=f"Such as {', '.join(found[:5])}. lepton tells classes apart; it does not predict amounts.",
            fix=[
                "lepton init --from FILE --label COLUMN  (another label column)",
                "turn the amount into classes, such as yes and no",
            ],
        )
    return tuple(found)


def _joined_by(labels: list[str]) -> str | None:
    """Return what joins several labels in one, as in `urgent;billing`; None where labels are single.

    Each part must occur in other labels, too, alone or joined otherwise: `New York; NY` is one label with a mark in it.
    """
    for mark in (";", "|", ","):
        parts = [[part.strip() for part in label.split(mark)] for label in labels]
        counts = Counter(part for one in parts for part in set(one))
        joined = [one for one in parts if len(one) > 1]
        if len(joined) > 1 and all(part and counts[part] > 1 for one in joined for part in one):
            return mark
    return None


def _natural(label: str) -> tuple[int, float, str]:
    """Sort numbers by value and before words: 2 comes before 10."""
    try:
        value = float(label)
    except ValueError:
        return (1, 0.0, label)
    return (0, value, label) if math.isfinite(value) else (1, 0.0, label)


def _image_rule(table: Table, role: Literal["source", "target"]) -> ImageRule | None:
    if table.images is None:
        return None
    if kind_of(table.kind).images == "some":
        missing = _share(float(1 - table.has_image().mean()), role)
        return _pixels(table.images[table.has_image()]).model_copy(update={"missing": missing})
    return _pixels(table.images)


def _pixels(images: NDArray[np.generic]) -> ImageRule:
    c, h, w = images.shape[1:]
    if images.dtype == np.uint8:
        return ImageRule(shape=(c, h, w))
    finite = images[np.isfinite(images)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if low >= 0 and high <= 1:
        return ImageRule(shape=(c, h, w), dtype="float32", min=0, max=1)
    low, high = _stretched(low, high, SLACK["source"])
    return ImageRule(shape=(c, h, w), dtype="float32", min=low, max=high)


def _rule(table: Table, name: str, role: Literal["source", "target"]) -> ColumnRule:
    assert table.frame is not None
    column = table.frame[name]
    if table.column_type(name) not in ("text", "series"):
        return _column_rule(column, role)
    dtype: Literal["text", "series"] = "text" if name in table.texts else "series"
    missing = _share(float(column.isna().mean()), role) if kind_of(table.kind).images == "some" else 0.0
    rule = ColumnRule(name=name, dtype=dtype, missing=missing, length=_length(column, role))
    if dtype == "series" and (seen := _range(column)):
        low, high = _stretched(*seen, SLACK[role])
        rule = rule.model_copy(update={"min": low, "max": high})
    return rule


def _length(column: pd.Series, role: Literal["source", "target"]) -> tuple[int, int] | None:
    """Return the allowed lengths: none is empty; the longest may be longer by as many spans as `SLACK` says."""
    lengths = [len(one) for one in column.dropna() if len(one)]
    if not lengths:
        return None
    low, high = _stretched(min(lengths), max(lengths), SLACK[role])
    return max(1, math.floor(low)), math.ceil(high)


def _range(column: pd.Series) -> tuple[float, float] | None:
    """Return the smallest and the largest finite value of all series."""
    known = [one[np.isfinite(one)] for one in column.dropna()]
    values = np.concatenate([one for one in known if len(one)] or [np.empty(0)])
    return (float(values.min()), float(values.max())) if len(values) else None


def _for_target(rule: ColumnRule, seen: pd.DataFrame | None) -> ColumnRule:
    if rule.dtype in ("number", "category"):
        return _widened(rule, seen)
    column = seen[rule.name] if seen is not None and rule.name in seen else None
    if rule.missing:  # rows of several inputs
        empty = float(column.isna().mean()) if column is not None else 0.0
        missing = max(rule.missing, MISSING["target"], _share(empty, "target") if empty < 1 else 0.0)
        rule = rule.model_copy(update={"missing": missing})
    if rule.length is not None:
        low, high = rule.length
        own = _length(column, "source") if column is not None else None
        lengths = max(1, min(low, own[0] if own else low)), max(high + (high - low), own[1] if own else high)
        rule = rule.model_copy(update={"length": lengths})
    if rule.min is not None and rule.max is not None:
        span = rule.max - rule.min
        low_, high_ = _lower(rule.min, span), rule.max + span
        if column is not None and (found := _range(column)):
            around = _stretched(*found, SLACK["source"])
            low_, high_ = min(low_, around[0]), max(high_, around[1])
        rule = rule.model_copy(update={"min": _tidy(low_, down=True), "max": _tidy(high_, down=False)})
    return rule


def _column_rule(series: pd.Series, role: Literal["source", "target"]) -> ColumnRule:
    name, empty = str(series.name), float(series.isna().mean())
    missing = _share(empty, role)
    if not pd.api.types.is_numeric_dtype(series):
        values = sorted(set(series.dropna()))
        return ColumnRule(
            name=name,
            dtype="category",
            missing=missing,
            values=tuple(values) if 0 < len(values) <= MAX_VALUES else None,
        )
    finite = series[np.isfinite(series)]
    if finite.empty:
        return ColumnRule(name=name, dtype="number", missing=missing)
    low, high = _stretched(float(finite.min()), float(finite.max()), SLACK[role])
    return ColumnRule(name=name, dtype="number", min=low, max=high, missing=missing)


def _widened(rule: ColumnRule, seen: pd.DataFrame | None) -> ColumnRule:
    column = seen[rule.name] if seen is not None and rule.name in seen else None
    missing = max(rule.missing, MISSING["target"])
    if column is not None and (empty := float(column.isna().mean())) < 1:
        missing = max(missing, _share(empty, "target"))
    if rule.dtype == "category":
        values = rule.values
        if values is not None and column is not None and not pd.api.types.is_numeric_dtype(column):
            values = tuple(sorted({*values, *column.dropna()}))
        return rule.model_copy(update={"missing": missing, "values": values})
    lows, highs = [v for v in [rule.min] if v is not None], [v for v in [rule.max] if v is not None]
    if not lows or not highs:
        return rule.model_copy(update={"missing": missing})
    # The source's range was stretched once already; one more span of it each way is the target's slack.
    span = highs[0] - lows[0]
    low, high = _lower(lows[0], span), highs[0] + span
    if column is not None and pd.api.types.is_numeric_dtype(column):
        finite = column[np.isfinite(column)]
        if not finite.empty:
            own = _stretched(float(finite.min()), float(finite.max()), SLACK["source"])
            low, high = min(low, own[0]), max(high, own[1])
    return rule.model_copy(update={"missing": missing, "min": _tidy(low, down=True), "max": _tidy(high, down=False)})


def _share(seen: float, role: Literal["source", "target"]) -> float:
    return round(min(1.0, max(MISSING[role], 2 * seen + 0.05 if seen else 0.0)), 2)


def _stretched(low: float, high: float, slack: float) -> tuple[float, float]:
    span = (high - low) or max(abs(high), 1.0)
    return _tidy(_lower(low, slack * span), down=True), _tidy(high + slack * span, down=False)


def _lower(low: float, by: float) -> float:
    """Go down, but not below a zero that no value crossed: amounts are not negative, and -1 and -999 mean "unknown"."""
    return max(low - by, 0.0) if low >= 0 else low - by


def _tidy(value: float, down: bool) -> float:
    """Round away from the data to three digits, so that the file is readable."""
    if value == 0 or not math.isfinite(value):
        return 0.0 if value == 0 else math.copysign(1.7e308, value)
    step = 10.0 ** (math.floor(math.log10(abs(value))) - 2)
    tidy = (math.floor if down else math.ceil)(value / step) * step
    return float(f"{tidy:.12g}")
