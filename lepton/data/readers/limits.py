"""What a delivery may take of the machine, looked at before it is taken: sizes that a file states, bytes that come out.

A small file can ask for all the memory there is: a gzip of nothing but zeros grows a thousandfold, and a header may
state any shape. Each check here is made on what is stated, or while the bytes come out, never afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from lepton.core.config.limits import LimitsConfig
from lepton.core.errors import LeptonError

FLOOR = 64_000_000
"""Bytes below which nobody cares how much was packed into how little: short, regular tables shrink a lot."""


def check_size(name: str, size: int, limits: LimitsConfig) -> None:
    """Refuse more bytes than `limits.max_bytes`.

    Raises:
        LeptonError: If there are more.
    """
    if size > limits.max_bytes:
        raise _too_much(f"{name} holds {_bytes(size)}", "max_bytes", limits.max_bytes, size)


def check_shape(name: str, rows: int, columns: int, limits: LimitsConfig) -> None:
    """Refuse more rows or columns than `limits` allow.

    Raises:
        LeptonError: If there are more.
    """
    if rows > limits.max_rows:
        raise _too_much(f"{name} has {rows:,} rows", "max_rows", limits.max_rows, rows)
    if columns > limits.max_columns:
        raise _too_much(f"{name} has {columns:,} columns", "max_columns", limits.max_columns, columns)


def check_growth(name: str, packed: int, size: int, limits: LimitsConfig) -> None:
    """Refuse `packed` bytes that become more than `limits` allow.

    Raises:
        LeptonError: If the size alone is too much, or it is `limits.max_ratio` times what was packed.
    """
    if size > FLOOR and size > limits.max_ratio * packed:
        ratio = size // max(packed, 1)
        what = f"{name} grows from {_bytes(packed)} to {_bytes(size)} or more when it is unpacked"
        raise _too_much(what, "max_ratio", limits.max_ratio, ratio + 1)
    check_size(name, size, limits)


def check_array(name: str, shape: Sequence[int], itemsize: int, there: int) -> None:
    """Refuse an array whose header states another size than its bytes have.

    Args:
        name: Of the file.
        shape: As the header states it.
        itemsize: Bytes a value.
        there: Bytes of the values that are there.

    Raises:
        LeptonError: If they differ.
    """
    stated = prod(shape) * itemsize
    if stated != there:
        raise LeptonError(
            f"{name} is cut off or damaged.",
            why=f"An array states the shape {tuple(shape)}, which is {_bytes(stated)}; {_bytes(there)} are there.",
            fix=["deliver it again"],
        )


def _too_much(what: str, field: str, limit: float, needed: float) -> LeptonError:
    return LeptonError(
        f"{what}, more than is allowed here.",
        why=f"limits.{field} is {limit:,.0f}. Nothing was read: what a file asks for is looked at before it is given.",
        fix=[
            "ask who sent it whether it should be so large",
            f"set limits.{field} in lepton.yaml  (for one command: LEPTON_LIMITS__{field.upper()}={needed:.0f})",
        ],
    )


def _bytes(count: int) -> str:
    """Return a size in the largest unit that leaves at least one: 2.4 GB."""
    size = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} TB"
