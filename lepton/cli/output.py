"""What a person sees: tables and progress on a terminal, plain lines elsewhere, JSON when asked."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any


def say(text: str = "") -> None:
    """Print one line; links and names in it are left alone."""
    from rich.console import Console

    Console(soft_wrap=True, highlight=False).print(text, markup=False)


def note(text: str) -> None:
    """Print a line that is not part of the answer, to standard error."""
    sys.stderr.write(text + "\n")


def as_json(value: Any) -> None:
    """Print `value` as JSON, for machines."""
    sys.stdout.write(json.dumps(value, indent=2, default=str) + "\n")


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a table; None is shown as a dash, floats with three digits."""
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    shown = Table(title=title, title_justify="left", box=SIMPLE, title_style="bold", pad_edge=False)
    numeric = [all(isinstance(row[k], int | float) or row[k] is None for row in rows) for k in range(len(columns))]
    for k, column in enumerate(columns):
        shown.add_column(column, justify="right" if rows and numeric[k] else "left", overflow="fold")
    for row in rows:
        shown.add_row(*(cell(value) for value in row))
    console = Console(highlight=False, markup=False)  # a cell may hold a person's words
    # A file or a pipe has no width: let every row keep its line.
    console.print(shown) if console.is_terminal else Console(width=200, highlight=False, markup=False).print(shown)


def cell(value: Any) -> str:
    """Return one value as a table shows it."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3f}"
    return str(value)


@contextmanager
def progress_bar(text: str) -> Iterator[Callable[[int, int, str], None]]:
    """Yield a callback (done, total, text) drawing a bar with the time left; plain lines off a terminal, each tenth."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _plain_progress(text)
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(text, total=None)

        def report(done: int, total: int, detail: str) -> None:
            bar.update(task, completed=done, total=total, description=f"{text}  {detail}")

        yield report


def _plain_progress(text: str) -> Callable[[int, int, str], None]:
    last, began = -1, monotonic()

    def report(done: int, total: int, detail: str) -> None:
        nonlocal last
        tenth = 10 * done // max(total, 1)
        if tenth > last:
            last = tenth
            left = (monotonic() - began) * (total - done) / done if done else 0.0
            note(f"{text}  {done}/{total}  {detail}" + (f"  {left:,.0f} s left" if left >= 1 else ""))

    return report
