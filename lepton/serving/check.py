"""The contract a request: what came is what the model may read, or it is said which value of which row is not.

Pure, and cheap: a column is looked at once. What the policy does not refuse is answered and counted.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from lepton.contract.spec import ColumnRule, Contract, ImageRule
from lepton.core.config.serve import Breach as Kind
from lepton.core.config.yaml_file import nearest
from lepton.core.kinds import kind_of, part_name
from lepton.core.spelling import BLANKS, MISSING, NUMBER, plain
from lepton.graph.fields import IMAGE
from lepton.serving.dates import part_of
from lepton.serving.rejected import Rejected
from lepton.serving.request import Asked, Columns

SHOWN = 20
"""Breaches that are told; all are counted."""
_NUMBER = re.compile(NUMBER)
_HIGHEST = sys.float_info.max


@dataclass(frozen=True)
class Breach:
    """What in a request is not as the contract says."""

    kind: Kind
    column: str
    row: int | None
    """Counted from 1; None: all of them."""
    value: str
    """What was found, as text."""
    allowed: str
    """What the contract says."""

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return {
            "kind": self.kind,
            "column": self.column,
            "row": self.row,
            "value": self.value,
            "allowed": self.allowed,
        }

    def __str__(self) -> str:
        where = f"column {self.column!r}" if self.row is None else f"row {self.row}, column {self.column!r}"
        return f"{where}: {self.value}; {self.allowed}"


@dataclass(frozen=True)
class Checked:
    """Rows as the model reads them: every column of the contract, and no other."""

    columns: Columns
    """Float, text, list of numbers, array (C, H, W) as `image`; None where there is no value."""
    rows: int
    counted: Mapping[Kind, int]
    """Breaches that are answered in spite of."""
    out: int
    """Rows that they are in."""


@dataclass
class _Found:
    """Breaches as they are found."""

    strict: Collection[Kind]
    shown: list[Breach] = field(default_factory=list)
    refused: Counter[Kind] = field(default_factory=Counter)
    counted: Counter[Kind] = field(default_factory=Counter)
    out: set[int] = field(default_factory=set)

    def add(self, kind: Kind, column: str, row: int | None, value: str, allowed: str, always: bool = False) -> None:
        """Note a breach; `row` is counted from 0, `always` one that no policy lets pass."""
        if not always and kind not in self.strict:
            self.counted[kind] += 1
            if row is not None:
                self.out.add(row)
            return
        self.refused[kind] += 1
        if len(self.shown) < SHOWN:
            self.shown.append(Breach(kind, column, None if row is None else row + 1, value, allowed))


Reader: TypeAlias = Callable[[list[Any], bool, _Found], list[Any]]
"""From the values of a column, and whether they have a type of their own, to those that the model reads."""


class Rules:
    """A contract, made ready for many requests.

    Args:
        contract: Of the domain.
        strict: Which breaches are refused.
    """

    def __init__(self, contract: Contract, strict: Collection[Kind]) -> None:
        self.contract = contract
        self._strict = frozenset(strict)
        self._readers: dict[str, Reader] = {rule.name: _reader(rule, contract) for rule in contract.columns}
        if contract.image is not None:
            self._readers[IMAGE] = _image_reader(contract.image, kind_of(contract.kind).images == "each")
        self.columns = tuple(self._readers)
        """What the contract asks for, in its order."""
        self._dates = {part_name(date, part): (date, part) for date, kept in contract.dates.items() for part in kept}
        self._passed = {contract.id, contract.label, *contract.ignore, *contract.dates}

    def check(self, asked: Asked) -> Checked:
        """Return the rows as the model reads them.

        Raises:
            Rejected: 422 if the policy refuses what breaks the contract; names rows, columns, values, what is allowed.
        """
        if not asked.rows:
            raise Rejected(422, "The request has no row.")
        found = _Found(self._strict)
        given = asked.columns
        if not given.keys() <= self._readers.keys():
            given = self._known(given, found)
        columns: Columns = {}
        for name, reader in self._readers.items():
            values = given.get(name)
            if values is None:
                values = self._part(name, asked, found) if name in self._dates else [None] * asked.rows
            columns[name] = reader(values, asked.typed, found)
        if self.contract.kind == "sequence" and len(columns) > 1:
            _check_lengths(columns, asked.rows, found)
        if not found.refused and _has_gap(next(iter(columns.values()))):  # a row without any value lacks the first, too
            for row in _empty(columns, asked.rows):
                found.add("missing", "", row, "no value in any column", "a row needs one", always=True)
        if found.refused:
            raise _refused(found, self.columns)
        return Checked(columns, asked.rows, found.counted, len(found.out))

    def _known(self, given: Columns, found: _Found) -> Columns:
        """Return the columns that the contract has, or lets pass; note the others."""
        for name in given:
            if name not in self._readers and name not in self._passed:
                near = nearest(name, self.columns)
                hint = f"; did you mean {near!r}?" if near else ""
                found.add(
                    "column", name[:100], None, "the contract has no such column", f"it has {_few(self.columns)}{hint}"
                )
        return {name: values for name, values in given.items() if name in self._readers}

    def _part(self, name: str, asked: Asked, found: _Found) -> list[Any]:
        """Return a part of a date that came whole."""
        date, part = self._dates[name]
        values: list[Any] = []
        for row, value in enumerate(asked.columns.get(date) or [None] * asked.rows):
            try:
                values.append(part_of(value, part))
            except ValueError:
                values.append(None)
                if name == part_name(date, self.contract.dates[date][0]):  # once a date, not once a part
                    said = f"{_quoted(value)} is no date"
                    found.add("type", date, row, said, "write 2026-11-29, or 2026-11-29 17:30")
        return values if asked.typed else [None if value is None else str(value) for value in values]


def _reader(rule: ColumnRule, contract: Contract) -> Reader:
    if rule.dtype == "number":
        return _number_reader(rule, contract.no_value)
    if rule.dtype == "category":
        return _category_reader(rule)
    return _text_reader(rule) if rule.dtype == "text" else _series_reader(rule)


def _number_reader(rule: ColumnRule, no_value: Collection[str]) -> Reader:
    name, must = rule.name, rule.missing == 0
    low = -_HIGHEST if rule.min is None else rule.min
    high = _HIGHEST if rule.max is None else rule.max
    none = MISSING | set(no_value)

    def read(values: list[Any], typed: bool, found: _Found) -> list[Any]:
        read_: list[Any] = []
        for row, value in enumerate(values):
            if type(value) is float or type(value) is int:
                number = float(value)
            elif value is None:
                if must:
                    _lacks(found, name, row)
                read_.append(None)
                continue
            elif not typed and isinstance(value, str):
                text = value.strip(BLANKS)
                if text in none:
                    if must:
                        _lacks(found, name, row)
                    read_.append(None)
                    continue
                if _NUMBER.fullmatch(text) is None:
                    found.add("type", name, row, f"{_quoted(value)} is no number", "write a number, such as 0.5")
                    read_.append(None)
                    continue
                number = float(text)
            else:
                found.add("type", name, row, f"{_quoted(value)} is no number", "write a number, such as 0.5")
                read_.append(None)
                continue
            if not low <= number <= high:
                said = f"{number:g} is out of range"
                found.add("range", name, row, said, f"allowed: {_bound(rule.min)} to {_bound(rule.max)}")
            read_.append(number)
        return read_

    return read


def _category_reader(rule: ColumnRule) -> Reader:
    name, must = rule.name, rule.missing == 0
    allowed = frozenset(rule.values or ())
    forms: dict[str, str | None] = {}
    for one in rule.values or ():
        form = plain(one)
        forms[form] = one if form not in forms else None  # two that differ in spelling only stay apart

    def read(values: list[Any], typed: bool, found: _Found) -> list[Any]:
        read_: list[Any] = []
        for row, value in enumerate(values):
            if value is None or value == "":
                if must:
                    _lacks(found, name, row)
                read_.append(None)
                continue
            if type(value) is not str:
                if type(value) not in (int, float, bool):
                    found.add("type", name, row, f"{_quoted(value)} is no word", "write a text or a number")
                    read_.append(None)
                    continue
                value = _word(value)
            if value not in allowed:
                value = forms.get(plain(value)) or plain(value)
                if allowed and value not in allowed:
                    said = f"{_quoted(value)} is not allowed"
                    found.add("category", name, row, said, f"allowed: {_few(rule.values or ())}")
            read_.append(value)
        return read_

    return read


def _text_reader(rule: ColumnRule) -> Reader:
    name, must = rule.name, rule.missing == 0

    def read(values: list[Any], typed: bool, found: _Found) -> list[Any]:
        read_: list[Any] = []
        for row, value in enumerate(values):
            if value is None or value == "":
                if must:
                    _lacks(found, name, row)
                read_.append(None)
            elif type(value) is not str:
                found.add("type", name, row, f"{_quoted(value)} is no text", 'write it in quotes: "..."')
                read_.append(None)
            else:
                _check_length(rule, row, len(value), "characters", found)
                read_.append(value)
        return read_

    return read


def _series_reader(rule: ColumnRule) -> Reader:
    name, must = rule.name, rule.missing == 0
    low = -_HIGHEST if rule.min is None else rule.min
    high = _HIGHEST if rule.max is None else rule.max

    def read(values: list[Any], typed: bool, found: _Found) -> list[Any]:
        read_: list[Any] = []
        for row, value in enumerate(values):
            if value is None:
                if must:
                    _lacks(found, name, row)
                read_.append(None)
                continue
            if not isinstance(value, list) or not all(one is None or type(one) in (int, float) for one in value):
                found.add("type", name, row, f"{_quoted(value)} is no list of numbers", "write [0.5, 0.7, ...]")
                read_.append(None)
                continue
            _check_length(rule, row, len(value), "steps", found)
            known = [one for one in value if one is not None]
            if known and not (low <= min(known) and max(known) <= high):
                said = f"steps from {min(known):g} to {max(known):g} are out of range"
                found.add("range", name, row, said, f"allowed: {_bound(rule.min)} to {_bound(rule.max)}")
            read_.append(value)
        return read_

    return read


def _image_reader(rule: ImageRule, must: bool) -> Reader:
    shape = " x ".join(map(str, rule.shape))

    def read(values: list[Any], typed: bool, found: _Found) -> list[Any]:
        read_: list[Any] = []
        for row, value in enumerate(values):
            image = None
            if value is None:
                if must or rule.missing == 0:
                    found.add("missing", IMAGE, row, "there is no image", f"it must be {shape}", always=must)
            elif (image := _pixels(value, rule)) is None:
                numbers = "whole numbers of 0 to 255" if rule.dtype == "uint8" else "numbers"
                found.add("type", IMAGE, row, "it is no such image", f"it must be {shape}, {numbers}", always=must)
            elif image.min() < rule.min or image.max() > rule.max:
                said = f"pixels from {image.min():g} to {image.max():g} are out of range"
                found.add("range", IMAGE, row, said, f"allowed: {rule.min:g} to {rule.max:g}")
            read_.append(image)
        return read_

    return read


def _pixels(value: Any, rule: ImageRule) -> Any:
    """Return an image (C, H, W) of the contract's type; None if it is none."""
    try:
        image = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    if image.ndim == 2:
        image = image[None]
    if image.shape != rule.shape or not np.isfinite(image).all():
        return None
    if rule.dtype == "float32":
        return image.astype(np.float32)
    whole = image.astype(np.uint8, casting="unsafe") if image.min() >= 0 and image.max() <= 255 else None
    return whole if whole is not None and (whole == image).all() else None


def _check_lengths(columns: Columns, rows: int, found: _Found) -> None:
    """Note sequences whose series differ in length: all are measured at the same steps."""
    for row in range(rows):
        lengths = {name: 0 if values[row] is None else len(values[row]) for name, values in columns.items()}
        if len(set(lengths.values())) > 1:
            said = f"the series differ in length: {', '.join(f'{n!r} {k}' for n, k in list(lengths.items())[:5])}"
            found.add(
                "type", next(iter(lengths)), row, said, "all have the same steps; null where one is missing", True
            )


def _check_length(rule: ColumnRule, row: int, length: int, unit: str, found: _Found) -> None:
    if rule.length is not None and not rule.length[0] <= length <= rule.length[1]:
        allowed = f"allowed: {rule.length[0]:,} to {rule.length[1]:,}"
        found.add("length", rule.name, row, f"{length:,} {unit}", allowed)


def _has_gap(values: list[Any]) -> bool:
    return any(value is None for value in values)


def _empty(columns: Columns, rows: int) -> Iterator[int]:
    for row in range(rows):
        if all(values[row] is None for values in columns.values()):
            yield row


def _lacks(found: _Found, name: str, row: int) -> None:
    found.add("missing", name, row, "there is no value", "the contract asks for one")


def _refused(found: _Found, known: Collection[str]) -> Rejected:
    count = found.refused.total()
    lines = [str(one) for one in found.shown]
    more = [f"and {count - len(lines):,} more"] if count > len(lines) else []
    fix = ["correct the values, or leave out what has none"]
    if found.refused["column"]:
        fix = [f"send these columns: {_few(known, 40)}"]
    return Rejected(
        422,
        "The rows break the contract; nothing was answered.",
        why="\n".join([*lines, *more]),
        fix=fix,
        details=[one.to_json() for one in found.shown],
    )


def _word(value: float | bool) -> str:
    """Return a number or truth value as a category: `1`, never `1.0`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _quoted(value: Any) -> str:
    return repr(value)[:80]


def _few(names: Collection[str], most: int = 10) -> str:
    shown = ", ".join(repr(name) for name in list(names)[:most])
    return shown + (f" and {len(names) - most:,} more" if len(names) > most else "")


def _bound(value: float | None) -> str:
    return "any" if value is None else f"{value:g}"
