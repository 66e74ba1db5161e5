"""Rows that somebody wants answers to: what `request` makes of a body, and `check` holds against the contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Form = Literal["list", "rows", "csv", "v2"]
"""How rows came, and how their answers go: `[{...}]`, `{"rows": [...]}`, CSV, or tensors."""
Columns: TypeAlias = dict[str, list[Any]]
"""Values (n) by the name of the column; None where a row has none."""


@dataclass(frozen=True)
class Asked:
    """Rows that somebody wants answers to, as they came."""

    columns: Columns
    rows: int
    form: Form
    typed: bool = True
    """Whether a number is a number; in a CSV everything is text."""
    id: str | None = None
    """The caller's own name for a V2 request."""
