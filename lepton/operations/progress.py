"""Progress bars, in a terminal and in a notebook alike; plain lines elsewhere, or nothing.

Nothing is shown in the first second: most work is over by then. Time left is not said before it means something.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock, Timer
from time import monotonic

from lepton.core.work import Progress, silent

QUIET = 1.0
"""Seconds in which nothing is shown."""
STEPS, SECONDS = 3, 2.0
"""Reports that went on, and seconds, before which the time left is anybody's guess."""
SILENCE = 60.0
"""Most seconds between two plain lines, as far as the work reports at all."""

Clock = Callable[[], float]


def is_watched() -> bool:
    """Return whether somebody sees bars move: a terminal or a notebook."""
    from rich.console import Console

    console = Console(stderr=True)
    return console.is_terminal or console.is_jupyter


@contextmanager
def progress_bar(text: str, lines: bool = True, clock: Clock = monotonic) -> Iterator[Progress]:
    """Yield a callback (done, total, text) drawing a bar with the time left.

    Args:
        text: What is done; stands before the bar.
        lines: Where nobody sees a bar move, whether to write a line to standard error now and then.
        clock: Returns seconds.
    """
    watched = is_watched()
    if not watched and not lines:
        yield silent
        return
    shown: Shown = Bar(text, clock) if watched else Lines(text, clock)
    # A first step may take minutes, and reports nothing meanwhile: that it is at work is said all the same.
    waker = Timer(QUIET, shown.wake)
    waker.daemon = True
    waker.start()
    try:
        yield shown.report
    finally:
        waker.cancel()
        shown.end()


class Pace:
    """How fast work goes that reports how far it is.

    Work that begins anew (of another total, or behind where it was) is timed anew.
    """

    def __init__(self, clock: Clock = monotonic) -> None:
        self._clock = clock
        self._start = self._now = (0, 0, 0.0)  # done, total, seconds
        self._steps = -1

    def note(self, done: int, total: int) -> None:
        """Take note of a report."""
        now, (before, of, _) = (done, total, self._clock()), self._now
        if self._steps < 0 or of != total or done < before:
            self._start, self._steps = now, 0
        elif done > before:
            self._steps += 1
        self._now = now

    @property
    def left(self) -> float | None:
        """Seconds left; None where nothing can be said of them yet."""
        (first, _, began), (done, total, now) = self._start, self._now
        if self._steps < STEPS or now - began < SECONDS:
            return None
        return (now - began) * max(total - done, 0) / (done - first)


class Shown(ABC):
    """What becomes of reports: held back for as long as it is quiet, then shown.

    Args:
        text: What is done.
        clock: Returns seconds.
    """

    def __init__(self, text: str, clock: Clock) -> None:
        self.text, self.clock, self.pace = text, clock, Pace(clock)
        self._quiet_until = clock() + QUIET
        self._last: tuple[int, int, str] | None = None
        self._told_of: int | None = None
        self._lock = Lock()  # the waker is a thread

    def report(self, done: int, total: int, detail: str) -> None:
        """Take a report, as a `Progress`."""
        with self._lock:
            self.pace.note(done, total)
            self._last = (done, total, detail)
            if self.clock() >= self._quiet_until:
                self._tell(done, total, detail)

    def wake(self) -> None:
        """Show what was reported last, now that it was quiet for long enough."""
        with self._lock:
            if self._last is not None:
                self._tell(*self._last)

    def _tell(self, done: int, total: int, detail: str) -> None:
        """Show a report, unless the work was over before anything of it was shown."""
        if done < total or self._told_of == total:
            self._told_of = total
            self.show(done, total, detail)

    @property
    def remaining(self) -> str:
        """The time left in words; empty where there is none to tell."""
        left = self.pace.left
        return f"{in_words(left)} left" if left is not None and left >= 1 else ""

    @abstractmethod
    def show(self, done: int, total: int, detail: str) -> None:
        """Show a report."""

    @abstractmethod
    def end(self) -> None:
        """Leave nothing behind that moves: the work is over."""


class Lines(Shown):
    """A line to standard error at each tenth, and at least every minute."""

    def __init__(self, text: str, clock: Clock) -> None:
        super().__init__(text, clock)
        self._tenth, self._of, self._said = -1, -1, -SILENCE

    def show(self, done: int, total: int, detail: str) -> None:
        """Write a line if the last one is a tenth or a minute behind."""
        tenth, now = 10 * done // max(total, 1), self.clock()
        if (tenth, total) == (self._tenth, self._of) and now - self._said < SILENCE:
            return
        self._tenth, self._of, self._said = tenth, total, now
        parts = (self.text, f"{done:,}/{total:,}", detail, self.remaining)
        sys.stderr.write("  ".join(part for part in parts if part) + "\n")

    def end(self) -> None:
        """Lines stay."""


class Bar(Shown):
    """A bar that moves, in a terminal or a notebook; gone when the work is over."""

    def __init__(self, text: str, clock: Clock) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        super().__init__(text, clock)
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[count]}", markup=False),
            TextColumn("{task.fields[remaining]}", markup=False),
        )
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task(text, total=None, count="", remaining="")

    def show(self, done: int, total: int, detail: str) -> None:
        """Move the bar."""
        self._bar.start()  # again and again: it is started once
        self._bar.update(
            self._task,
            completed=done,
            total=total,
            description=f"{self.text}  {detail}".rstrip(),
            count=f"{done:,}/{total:,}",
            remaining=self.remaining,
        )

    def end(self) -> None:
        """Wipe the bar away."""
        with self._lock:
            self._bar.stop()


def in_words(seconds: float) -> str:
    """Return a span as a person says it: `95 s`, `12 min`, `3.1 h`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
