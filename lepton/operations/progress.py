"""Progress bars, in a terminal and in a notebook alike; plain lines elsewhere, or nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from lepton.core.work import Progress, silent


def is_watched() -> bool:
    """Return whether somebody sees bars move: a terminal or a notebook."""
    from rich.console import Console

    console = Console(stderr=True)
    return console.is_terminal or console.is_jupyter


@contextmanager
def progress_bar(text: str, lines: bool = True) -> Iterator[Progress]:
    """Yield a callback (done, total, text) drawing a bar with the time left.

    Args:
        text: What is done; stands before the bar.
        lines: Where nobody sees a bar move, whether to write a line to standard error at each tenth.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not (console.is_terminal or console.is_jupyter):
        yield _plain_progress(text) if lines else silent
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(text, total=None)

        def report(done: int, total: int, detail: str) -> None:
            bar.update(task, completed=done, total=total, description=f"{text}  {detail}")

        yield report


def _plain_progress(text: str) -> Progress:
    last, began = -1, monotonic()

    def report(done: int, total: int, detail: str) -> None:
        nonlocal last
        tenth = 10 * done // max(total, 1)
        if tenth > last:
            last = tenth
            left = (monotonic() - began) * (total - done) / done if done else 0.0
            remaining = f"  {left:,.0f} s left" if left >= 1 else ""
            sys.stderr.write(f"{text}  {done}/{total}  {detail}{remaining}\n")

    return report
