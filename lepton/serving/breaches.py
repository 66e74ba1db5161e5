"""What in a request is not as its contract says: noted as it is found, told together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from lepton.core.config.serve import Breach as Kind
from lepton.serving.rejected import Rejected

SHOWN = 20
"""Breaches that are told; all are counted."""


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


@dataclass
class Found:
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


def refusal(found: Found, known: Collection[str]) -> Rejected:
    """Return the answer to a request that is refused; `known` are the columns of the contract."""
    count = found.refused.total()
    lines = [str(one) for one in found.shown]
    more = [f"and {count - len(lines):,} more"] if count > len(lines) else []
    fix = ["correct the values, or leave out what has none"]
    if found.refused["column"]:
        fix = [f"send these columns: {few(known, 40)}"]
    return Rejected(
        422,
        "The rows break the contract; nothing was answered.",
        why="\n".join([*lines, *more]),
        fix=fix,
        details=[one.to_json() for one in found.shown],
    )


def quoted(value: Any) -> str:
    """Return a value as it is told, cut off where it is long."""
    return repr(value)[:80]


def few(names: Collection[str], most: int = 10) -> str:
    """Return the first of some names, and how many more there are."""
    shown = ", ".join(repr(name) for name in list(names)[:most])
    return shown + (f" and {len(names) - most:,} more" if len(names) > most else "")
