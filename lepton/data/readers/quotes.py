"""Quotes in CSV: one that nobody closed makes one value of many lines, and the rows on them vanish."""

from __future__ import annotations

import csv
import io
from typing import BinaryIO

from lepton.core.errors import LeptonError

LONGEST = 1 << 23
"""Bytes of a value from which it is taken for one that is never closed."""
LEAST = {2: 5}
"""Columns -> how many lines within a value must each look like a row before they are taken for rows that it swallowed:
a row of two columns has one comma, as has many a line of an address."""
FEWEST = 2
"""The same for three columns and more."""


def check_quotes(name: str, content: BinaryIO, size: int) -> None:
    """Refuse a CSV in which a quote stands where none can, or a value holds lines that are rows.

    Args:
        name: Of the delivery.
        content: UTF-8.
        size: How many bytes.

    Raises:
        LeptonError: If so; names the line on which the value begins.
    """
    rows = csv.reader(io.TextIOWrapper(content, encoding="utf-8", newline=""), strict=True)
    csv.field_size_limit(max(csv.field_size_limit(), min(size, LONGEST) + 1))
    columns, line, row = 0, 1, 0
    try:
        for fields in rows:
            columns = columns or len(fields)
            if rows.line_num > line and row and len(fields) == columns:
                _check_lines(name, line, fields, columns)
            line, row = rows.line_num + 1, row + 1
    except csv.Error as error:
        raise _stray(name, line, f"Python's csv says: {error}.") from None


def _check_lines(name: str, line: int, fields: list[str], columns: int) -> None:
    for field in fields:
        inner = field.splitlines()[1:-1]
        if columns < 2 or len(inner) < LEAST.get(columns, FEWEST):
            continue
        if all(one.count(",") == columns - 1 for one in inner):
            raise _stray(name, line, f"One value holds {len(inner)} whole lines of {columns} fields each.")


def _stray(name: str, line: int, why: str) -> LeptonError:
    return LeptonError(
        f"{name}: a quote in line {line} is never closed, or stands where none can.",
        why=f'{why} A value with a quote or a comma in it is quoted, and the quote within it is doubled: "12"" pipe".',
        fix=[f"mend line {line}", "export it again with a program that quotes"],
    )
