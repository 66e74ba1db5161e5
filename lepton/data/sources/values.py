"""Values as a database's driver returns them, into Arrow columns that hold each exactly, or refuse it by name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from typing import Any
from uuid import UUID

import pyarrow as pa

from lepton.core.errors import LeptonError

DIGITS = 76
"""Most digits of a decimal in Arrow."""
_EXACT = 2**53
_AS_TEXT = (UUID, IPv4Address, IPv6Address, IPv4Interface, IPv6Interface, IPv4Network, IPv6Network)
_PLAIN = (bool, int, float, str, bytes, date, time, timedelta)


def column(name: str, values: Sequence[object]) -> pa.Array:
    """Return a column of one piece.

    Whole numbers, decimals, booleans, times, text and bytes stay what they are; times with a zone are kept in UTC. JSON
    and what has no type in Arrow (UUID, network addresses) becomes text, lists of numbers stay lists.

    Raises:
        LeptonError: If values of several types stand in it, or one that has no place in a table.
    """
    values = [_simple(value) for value in values]
    kinds = {type(value) for value in values if value is not None}
    try:
        if kinds == {datetime}:
            return _times(name, values)
        if (Decimal in kinds and kinds <= {Decimal, int}) or (kinds == {int} and not _fit(values)):
            return pa.array([Decimal(value) if isinstance(value, int) else value for value in values])
        if kinds == {int, float} and all(abs(v) <= _EXACT for v in values if isinstance(v, int)):
            return pa.array(values, pa.float64())
        if kinds == {list} or (len(kinds) < 2 and kinds <= set(_PLAIN)):
            return pa.array(values)
    except (pa.ArrowException, OverflowError, ValueError) as error:
        raise _odd(name, str(error).split("\n")[0]) from None
    raise _odd(name, f"It holds values of {' and '.join(sorted(kind.__name__ for kind in kinds))}.")


def wider(a: pa.Schema, b: pa.Schema) -> pa.Schema:
    """Return columns that hold exactly what both do.

    Raises:
        LeptonError: If there are none: a column is of numbers in one piece and of text in the next.
    """
    return pa.schema([pa.field(one.name, _type(one.name, one.type, b.field(k).type)) for k, one in enumerate(a)])


def _type(name: str, a: pa.DataType, b: pa.DataType) -> pa.DataType:
    if a == b or pa.types.is_null(b):
        return a
    if pa.types.is_null(a):
        return b
    if {a, b} == {pa.int64(), pa.float64()}:
        return pa.float64()  # a cast that would round is refused where it is made
    if all(pa.types.is_decimal(one) or one == pa.int64() for one in (a, b)):
        (whole_a, scale_a), (whole_b, scale_b) = _digits(a), _digits(b)
        scale, whole = max(scale_a, scale_b), max(whole_a, whole_b)
        if whole + scale <= DIGITS:
            return (pa.decimal128 if whole + scale <= 38 else pa.decimal256)(whole + scale, scale)
    if pa.types.is_list(a) and pa.types.is_list(b):
        return pa.list_(_type(name, a.value_type, b.value_type))
    raise _odd(name, f"It holds {a} in some rows and {b} in others.")


def _digits(kind: pa.DataType) -> tuple[int, int]:
    """Return how many digits a type has before the point, and after."""
    return (kind.precision - kind.scale, kind.scale) if pa.types.is_decimal(kind) else (19, 0)


def _simple(value: object) -> object:
    """Return a value as one of few types; NaN of a decimal, which Arrow does not have, is no value."""
    if isinstance(value, Decimal):
        return None if value.is_nan() else value
    if isinstance(value, memoryview | bytearray):
        return bytes(value)
    if isinstance(value, _AS_TEXT):
        return str(value)
    if isinstance(value, dict) or (isinstance(value, list) and not _numbers(value)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return value


def _numbers(values: list[Any]) -> bool:
    return all(one is None or (isinstance(one, int | float) and not isinstance(one, bool)) for one in values)


def _fit(values: Sequence[Any]) -> bool:
    return all(value is None or -(2**63) <= value < 2**63 for value in values)


def _times(name: str, values: Sequence[Any]) -> pa.Array:
    zones = {value.tzinfo is not None for value in values if value is not None}
    if len(zones) > 1:
        raise _odd(name, "Some of its times have a zone, others have none.")
    if zones == {False}:
        return pa.array(values, pa.timestamp("us"))
    return pa.array([value and value.astimezone(UTC) for value in values], pa.timestamp("us", tz="UTC"))


def _odd(name: str, why: str) -> LeptonError:
    return LeptonError(
        f"The query's column {name!r} cannot be kept as it is.",
        why=why,
        fix=["say in the query what it is: CAST(... AS ...)"],
    )
