"""One check of a contract, and the words that all of them use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Check:
    """One expectation, and how to say that it failed."""

    expectation: str
    """Class name in `great_expectations.expectations`."""
    arguments: dict[str, Any]
    column: str
    """What a person calls the thing that is checked."""
    say: Callable[[Sequence[Any], dict[str, Any]], str]
    """(first offending values, GX's result) -> the problem in words."""
    by_row: bool = True
    """Whether single rows break it."""
    spares: bool = False
    """Whether rows that break it may be set aside, while the others are stored: what is in them is out of bounds, but
    they are rows of this table."""
    meta: dict[str, Any] = field(default_factory=dict)


def missing_check(name: str, share: float, called: str | None = None) -> Check:
    """Return the check that no more than a share of the rows lacks a value, under the name `called`."""

    def say(_: Sequence[Any], found: dict[str, Any]) -> str:
        seen = found.get("unexpected_percent") or 0.0
        what = "no value" if called is None else "none"
        return f"{what} in {seen:.3g} % of the rows; allowed: {100 * share:.3g} %" if share else what

    return Check("ExpectColumnValuesToNotBeNull", {"column": name, "mostly": 1 - share}, called or name, say)


def quoted(values: Sequence[Any]) -> str:
    """Return at most five different values as a person writes them."""
    seen = list(dict.fromkeys(_plain(value) for value in values))
    return ", ".join(seen[:5]) + (", ..." if len(seen) > 5 else "")


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    text = str(value)
    return repr(text if len(text) <= 40 else text[:37] + "...") if isinstance(value, str) else text
