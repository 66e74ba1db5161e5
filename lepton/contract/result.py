"""What a validation found, in words and as JSON for the lineage and the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

LISTED = 5
"""So many rows and values of a breach are named; the count says how many there are."""


@dataclass(frozen=True)
class Breach:
    """One way in which a delivery breaks its contract."""

    column: str
    """The column, or `rows` where the delivery as a whole is meant."""
    problem: str
    """What is wrong and what would be right."""
    rows: tuple[int, ...] = ()
    """The first few rows, counted from 1 as a person sees them below the header."""
    count: int = 0
    """How many rows; 0 where the breach is not one of single rows."""
    names: tuple[str, ...] = ()
    """File names of these rows, where the delivery is a folder of images."""
    all_rows: bool = False
    """Whether every row is meant."""

    def text(self) -> str:
        """Return problem and rows in one line."""
        if not self.count:
            return self.problem
        what = ("image" if self.names else "row") + ("s" if self.count > 1 else "")
        if self.all_rows and self.count > len(self.rows):
            return f"{self.problem} (all {self.count:,} {what})"
        listed = ", ".join(self.names or map(str, self.rows))
        more = f", ... {self.count:,} in all" if self.count > len(self.rows) else ""
        return f"{self.problem} ({what} {listed}{more})"

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return asdict(self)


@dataclass(frozen=True)
class ContractResult:
    """The outcome of one validation."""

    domain: str
    passed: bool
    breaches: tuple[Breach, ...]
    rows: int
    """Rows of the delivery."""
    checks: int
    """Expectations that were run."""
    contract: str
    """Digest of the contract that was applied."""
    docs_url: str | None
    """This validation's page in the Data Docs."""
    seconds: float
    delivery: str = ""
    """Name of the file or folder that was validated."""
    set_aside: int = 0
    """Rows that are out of bounds, few enough that the others may be stored without them."""
    spared: tuple[Breach, ...] = ()
    """What is wrong with those."""

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        found = asdict(self) | {"breaches": [breach.to_json() for breach in self.breaches]}
        if not self.set_aside:  # as an older lepton wrote it
            del found["set_aside"], found["spared"]
            return found
        return found | {"spared": [breach.to_json() for breach in self.spared]}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> ContractResult:
        """Read what `to_json` wrote."""
        lists = {name: tuple(map(_breach, value.get(name, ()))) for name in ("breaches", "spared")}
        return cls(**{**value, **lists})

    def headline(self) -> str:
        """Return the outcome in one sentence."""
        if self.passed and self.set_aside:
            kept = self.rows - self.set_aside
            return (
                f"{kept:,} of {self.rows:,} rows meet the contract of domain {self.domain!r}, {self.set_aside:,}"
                f" {'does' if self.set_aside == 1 else 'do'} not."
            )
        if self.passed:
            return f"{self.rows:,} rows meet the contract of domain {self.domain!r}."
        if len(self.breaches) == 1 and (count := self.breaches[0].count):
            verb = "breaks" if count == 1 else "break"
            return f"Refused: {count:,} of {self.rows:,} rows {verb} the contract of domain {self.domain!r}."
        ways = "one way" if len(self.breaches) == 1 else f"{len(self.breaches)} ways"
        return f"Refused: the delivery breaks the contract of domain {self.domain!r} in {ways}."

    def lines(self) -> list[str]:
        """Return a line for each breach, aligned by column."""
        told = self.breaches or self.spared
        width = max((len(breach.column) for breach in told), default=0)
        return [f"{breach.column:<{width}}  {breach.text()}" for breach in told]


def _breach(value: dict[str, Any]) -> Breach:
    return Breach(**{**value, "rows": tuple(value["rows"]), "names": tuple(value["names"])})


def listing(values: Sequence[str], most: int = 12) -> str:
    """Return allowed values for people: `0-9` for a run of whole numbers, else the first few."""
    if len(values) > 2 and all(value.isdecimal() for value in values):
        numbers = [int(value) for value in values]
        if numbers == list(range(numbers[0], numbers[0] + len(numbers))):
            return f"{numbers[0]}-{numbers[-1]}"
    return ", ".join(values[:most]) + (f", ... ({len(values)} in all)" if len(values) > most else "")
