"""What a person sees: tables on a terminal, plain lines elsewhere, JSON when asked."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Sequence
from typing import Any, TextIO

WIDE = 200
"""Characters of a line where nobody says how wide it is."""


def say(text: str = "") -> None:
    """Print one line; links and names in it are left alone."""
    from rich.console import Console

    Console(soft_wrap=True, highlight=False).print(text, markup=False)


def note(text: str) -> None:
    """Print a line that is not part of the answer, to standard error."""
    sys.stderr.write(text + "\n")


def as_json(value: Any, out: TextIO | None = None) -> None:
    """Print `value` as JSON, for machines; to standard output unless another stream is named."""
    (out or sys.stdout).write(json.dumps(value, indent=2, default=str) + "\n")


def width() -> int:
    """Return how many characters fit in a line; a file or a pipe has no width: let every line keep its own."""
    from rich.console import Console

    console = Console()
    return console.width if console.is_terminal else WIDE


def paragraph(label: str, text: str, indent: int = 2, column: int = 10) -> None:
    """Print a labelled text, its further lines below its first; a long word such as a link is never broken.

    Args:
        label: Stands before the first line.
        text: Broken where the terminal ends; what is not printable in it is shown as `?`.
        indent: Spaces before the label.
        column: Characters that the label is padded to.
    """
    first = f"{' ' * indent}{label:<{column}}"
    lines = textwrap.wrap(
        "".join(sign if sign.isprintable() or sign.isspace() else "?" for sign in text),
        max(width(), 40),
        initial_indent=f"{first.rstrip()}  " if len(label) > column - 2 else first,
        subsequent_indent=" " * (indent + column),
        break_long_words=False,
        break_on_hyphens=False,
    )
    for line in lines or [first.rstrip()]:
        say(line)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a table; None is shown as a dash, floats with three digits."""
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    shown = Table(
        title=title, title_justify="left", box=SIMPLE, title_style="bold", pad_edge=False, collapse_padding=True
    )
    numeric = [all(isinstance(row[k], int | float) or row[k] is None for row in rows) for k in range(len(columns))]
    for k, column in enumerate(columns):
        shown.add_column(column, justify="right" if rows and numeric[k] else "left", overflow="fold")
    for row in rows:
        shown.add_row(*(cell(value) for value in row))
    console = Console(highlight=False, markup=False)  # a cell may hold a person's words
    console.print(shown) if console.is_terminal else Console(width=WIDE, highlight=False, markup=False).print(shown)


def cell(value: Any) -> str:
    """Return one value as a table shows it."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3f}"
    return str(value)
