"""From a body to columns: rows as JSON or CSV, and the tensors of the Open Inference Protocol (V2).

What a value means is not looked at here; `check` does, by the contract.
"""

from __future__ import annotations

import csv
import io
from math import prod
from typing import Any

import orjson

from lepton.serving.asked import Asked, Columns, Form
from lepton.serving.rejected import Rejected

EXAMPLE = '[{"COLUMN": 41, "OTHER": "word"}]'
INTEGERS = {f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)}
TYPES = {*INTEGERS, "FP16", "FP32", "FP64", "BOOL", "BYTES"}
MOST_COLUMNS = 20_000


def rows_of_json(body: bytes, most: int) -> Asked:
    """Read `[{...}, ...]` or `{"rows": [{...}, ...]}`.

    Args:
        body: What came.
        most: Most rows.

    Raises:
        Rejected: 400 if it is neither, 413 if there are more rows.
    """
    found = _json(body)
    form: Form = "list"
    if isinstance(found, dict):
        if set(found) != {"rows"}:
            raise Rejected(
                400,
                "The body is no list of rows.",
                why=f"It is an object with {_listed(list(found))}; only `rows` is known.",
                fix=[f"send {EXAMPLE}", f'send {{"rows": {EXAMPLE}}}'],
            )
        found, form = found["rows"], "rows"
    if not isinstance(found, list):
        raise Rejected(400, "The body is no list of rows.", why=f"It is {_kind(found)}.", fix=[f"send {EXAMPLE}"])
    _check_rows(len(found), most)
    for row, one in enumerate(found, start=1):
        if not isinstance(one, dict):
            raise Rejected(400, f"Row {row} is no object.", why=f"It is {_kind(one)}.", fix=[f"send {EXAMPLE}"])
    if len(found) == 1:
        return Asked({name: [value] for name, value in found[0].items()}, 1, form)
    names = dict.fromkeys(name for row in found for name in row)
    if len(names) > MOST_COLUMNS:  # a table of them would be far larger than the body
        raise Rejected(413, f"The rows name {len(names):,} columns; {MOST_COLUMNS:,} are allowed.")
    return Asked({name: [row.get(name) for row in found] for name in names}, len(found), form)


def rows_of_csv(body: bytes, most: int) -> Asked:
    """Read a CSV in UTF-8 with the columns' names in its first line; an empty field is no value.

    Raises:
        Rejected: 400 if it is none, 413 if there are more rows.
    """
    _check_rows(body.count(b"\n") - 1, most * 2)  # a text may hold line ends; what is far too long is not even split
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Rejected(
            400, "The CSV is not UTF-8.", why=f"Byte {error.start + 1} is 0x{body[error.start]:02X}."
        ) from None
    try:
        lines = [line for line in csv.reader(io.StringIO(text, newline=""), strict=True) if line]
    except csv.Error as error:
        raise Rejected(400, "The CSV cannot be read.", why=f"{error}.") from None
    if not lines:
        raise Rejected(400, "The CSV is empty.", fix=["send the columns' names in the first line"])
    names, rows = [name.strip() for name in lines[0]], lines[1:]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise Rejected(400, f"The CSV names {_listed(twice)} more than once.", fix=["name every column once"])
    _check_rows(len(rows), most)
    for number, row in enumerate(rows, start=1):
        if len(row) != len(names):
            raise Rejected(
                400,
                f"Row {number} of the CSV has {len(row)} fields; the first line names {len(names)}.",
                fix=["put quotes around a value that holds a comma"],
            )
    columns: Columns = {name: [row[at] or None for row in rows] for at, name in enumerate(names)}
    return Asked(columns, len(rows), "csv", typed=False)


def rows_of_tensors(body: bytes, most: int) -> Asked:
    """Read a request of the Open Inference Protocol, one input a column: shape (n,), (n, 1) or (n, ...).

    Raises:
        Rejected: 400 if it is none, 413 if there are more rows.
    """
    found = _json(body)
    inputs = found.get("inputs") if isinstance(found, dict) else None
    if not isinstance(inputs, list) or not inputs or not all(isinstance(one, dict) for one in inputs):
        example = '{"inputs": [{"name": "COLUMN", "shape": [1], "datatype": "FP64", "data": [41]}]}'
        raise Rejected(400, "The body holds no inputs.", why="An input is an object, one a column.", fix=[example])
    columns: Columns = {}
    rows: int | None = None
    for one in inputs:
        name, values = _tensor(one)
        if name in columns:
            raise Rejected(400, f"The input {name!r} is there more than once.")
        if rows is not None and len(values) != rows:
            raise Rejected(
                400,
                f"The input {name!r} has {len(values):,} rows; those before have {rows:,}.",
                fix=["the first number of every shape is the number of rows"],
            )
        rows = len(values)
        columns[name] = values
    _check_rows(rows or 0, most)
    named = found.get("id")
    return Asked(columns, rows or 0, "v2", id=named if isinstance(named, str) else None)


def _tensor(one: dict[str, Any]) -> tuple[str, list[Any]]:
    name, shape, kind, data = (one.get(key) for key in ("name", "shape", "datatype", "data"))
    if not isinstance(name, str):
        raise Rejected(400, "An input has no name.", fix=["name the column that it holds"])
    if isinstance(one.get("parameters"), dict) and "binary_data_size" in one["parameters"]:
        raise Rejected(400, f"The input {name!r} is binary.", why="Tensors are taken as JSON.", fix=["send `data`"])
    if kind not in TYPES:
        raise Rejected(400, f"The input {name!r} is of type {kind!r}.", why=f"Known: {', '.join(sorted(TYPES))}.")
    right = isinstance(shape, list) and shape and all(isinstance(n, int) and 0 <= n < 1 << 31 for n in shape)
    if not right or not isinstance(shape, list) or not isinstance(data, list):
        raise Rejected(400, f"The input {name!r} needs a shape and data.", fix=['"shape": [1], "data": [41]'])
    flat = data
    for _ in shape:  # nested lists are allowed, too
        if not flat or not all(isinstance(part, list) for part in flat):
            break
        flat = [value for part in flat for value in part]
    if len(flat) != prod(shape):
        raise Rejected(400, f"The input {name!r} has {len(flat):,} values; its shape {shape} holds {prod(shape):,}.")
    each = shape[1:]
    while each and each[-1] == 1 and len(each) == 1:
        each = each[:-1]
    return name, [_nested(flat, at * prod(each), each) for at in range(shape[0])]


def _nested(flat: list[Any], start: int, shape: list[int]) -> Any:
    """Return one row of a tensor: a value, or nested lists."""
    if not shape:
        return flat[start]
    size = prod(shape[1:])
    if len(shape) == 1:
        return flat[start : start + shape[0]]
    return [_nested(flat, start + at * size, shape[1:]) for at in range(shape[0])]


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        hint = ["write null, or leave it out, where there is no value"]
        odd = any(word in body for word in (b"NaN", b"Infinity"))
        raise Rejected(400, "The body is not JSON.", why=f"{error}.", fix=hint if odd else []) from None


def _check_rows(rows: int, most: int) -> None:
    if rows > most:
        raise Rejected(
            413,
            f"The request has {rows:,} rows; {most:,} are allowed.",
            fix=["send them in several requests", "lepton score DOMAIN  (for rows that are stored)"],
        )


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "a truth value", type(None): "null"}
    return names.get(type(value), "a number")


def _listed(names: list[str]) -> str:
    shown = ", ".join(repr(name[:60]) for name in names[:5])
    return (shown or "nothing") + (f" and {len(names) - 5:,} more" if len(names) > 5 else "")
