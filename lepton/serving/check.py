"""The contract a request: what came is what the model may read, or it is said which value of which row is not.

Pure, and cheap: a column is looked at once. What the policy does not refuse is answered and counted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lepton.contract.spec import Contract
from lepton.core.config.serve import Breach as Kind
from lepton.core.config.yaml_file import nearest
from lepton.core.kinds import kind_of, part_name
from lepton.graph.fields import IMAGE
from lepton.serving.asked import Asked, Columns
from lepton.serving.breaches import Found, few, quoted, refusal
from lepton.serving.dates import part_of
from lepton.serving.rejected import Rejected
from lepton.serving.values import Reader, image_reader, reader_of


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


class Rules:
    """A contract, made ready for many requests.

    Args:
        contract: Of the domain.
        strict: Which breaches are refused.
    """

    def __init__(self, contract: Contract, strict: Collection[Kind]) -> None:
        self.contract = contract
        self._strict = frozenset(strict)
        self._readers: dict[str, Reader] = {rule.name: reader_of(rule, contract) for rule in contract.columns}
        if contract.image is not None:
            self._readers[IMAGE] = image_reader(contract.image, kind_of(contract.kind).images == "each")
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
        found = Found(self._strict)
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
            raise refusal(found, self.columns)
        return Checked(columns, asked.rows, found.counted, len(found.out))

    def _known(self, given: Columns, found: Found) -> Columns:
        """Return the columns that the contract has, or lets pass; note the others."""
        for name in given:
            if name not in self._readers and name not in self._passed:
                near = nearest(name, self.columns)
                hint = f"; did you mean {near!r}?" if near else ""
                found.add(
                    "column", name[:100], None, "the contract has no such column", f"it has {few(self.columns)}{hint}"
                )
        return {name: values for name, values in given.items() if name in self._readers}

    def _part(self, name: str, asked: Asked, found: Found) -> list[Any]:
        """Return a part of a date that came whole."""
        date, part = self._dates[name]
        values: list[Any] = []
        for row, value in enumerate(asked.columns.get(date) or [None] * asked.rows):
            try:
                values.append(part_of(value, part))
            except ValueError:
                values.append(None)
                if name == part_name(date, self.contract.dates[date][0]):  # once a date, not once a part
                    said = f"{quoted(value)} is no date"
                    found.add("type", date, row, said, "write 2026-11-29, or 2026-11-29 17:30")
        return values if asked.typed else [None if value is None else str(value) for value in values]


def _check_lengths(columns: Columns, rows: int, found: Found) -> None:
    """Note sequences whose series differ in length: all are measured at the same steps."""
    for row in range(rows):
        lengths = {name: 0 if values[row] is None else len(values[row]) for name, values in columns.items()}
        if len(set(lengths.values())) > 1:
            said = f"the series differ in length: {', '.join(f'{n!r} {k}' for n, k in list(lengths.items())[:5])}"
            found.add(
                "type", next(iter(lengths)), row, said, "all have the same steps; null where one is missing", True
            )


def _has_gap(values: list[Any]) -> bool:
    return any(value is None for value in values)


def _empty(columns: Columns, rows: int) -> Iterator[int]:
    for row in range(rows):
        if all(values[row] is None for values in columns.values()):
            yield row
