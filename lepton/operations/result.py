"""What a verb answers: a typed value, readable in a terminal and a notebook, and JSON for machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

from lepton.core.html import render

Json: TypeAlias = dict[str, Any]
"""A JSON object that leaves the house: for `--json`, a file, another process."""
Facts: TypeAlias = dict[str, object]
"""What a person wants to know, by its name on screen."""


@dataclass(frozen=True)
class Result:
    """Base of every verb's answer; a subclass adds its fields and says which facts a person wants first."""

    def __init_subclass__(cls) -> None:
        """Keep the readable repr: the dataclass decorator of a subclass would write its own over it."""
        if "__repr__" not in vars(cls):
            cls.__repr__ = Result.__repr__  # type: ignore[method-assign]  # that is the point

    def facts(self) -> Facts:
        """Return what a person wants to know, by its name on screen, the most important first."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def to_json(self) -> Json:
        """Return a JSON object with every field."""
        return {field.name: as_json(getattr(self, field.name)) for field in fields(self)}

    def __str__(self) -> str:
        facts = {name: str(value) for name, value in self.facts().items()}
        width = max(map(len, facts), default=0)
        return "\n".join(f"{name:<{width}}  {value}" for name, value in facts.items())

    def __repr__(self) -> str:
        return f"{type(self).__name__}\n  " + str(self).replace("\n", "\n  ")

    def _repr_html_(self) -> str:
        return as_html(rows=[(name, [str(value)]) for name, value in self.facts().items()])


def as_html(text: str = "", head: Sequence[str] = (), rows: Sequence[tuple[str, Sequence[str]]] = ()) -> str:
    """Return an answer as a notebook shows it: a text as it stands, or a table; all of it is escaped.

    Args:
        text: If it is one.
        head: Of the table's columns.
        rows: Each with its own name, which may be empty, and its cells.
    """
    return render("lepton.operations", "answer.html", text=text, head=head, rows=rows)


def as_json(value: Any) -> Any:
    """Return a value as JSON has it: what has a `to_json` by that, tuples as lists, paths and the like as text."""
    if hasattr(value, "to_json"):
        return value.to_json()
    if isinstance(value, dict):
        return {str(key): as_json(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(inner) for inner in value]
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
