"""Rows that are done, told with how many come in a second: what work that goes through rows piece by piece reports."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from lepton.core.work import Progress

SETTLED = 1.0
"""Seconds before which a rate means nothing: what is loaded first counts in it."""


class Tally:
    """Counts rows and tells a `Progress` of them; called as `tally(rows, text)` after each piece.

    Args:
        progress: Where it is told.
        total: Rows in all.
        clock: Returns seconds.
    """

    def __init__(self, progress: Progress, total: int, clock: Callable[[], float] = monotonic) -> None:
        self.done, self.total = 0, total
        self._progress, self._clock = progress, clock
        self._found, self._began = 0, clock()

    def __call__(self, rows: int, text: str = "") -> None:
        """Tell that so many rows more are done; with 0, what is worked on now."""
        self.done += rows
        spent = self._clock() - self._began
        rate = (self.done - self._found) / spent if spent >= SETTLED else 0.0
        said = [part for part in (text, f"{rate:,.0f} rows/s" if rate >= 1 else "") if part]
        self._progress(self.done, self.total, "  ".join(said))

    def found(self, rows: int, text: str = "") -> None:
        """Tell that so many rows were done by somebody before, which says nothing of how fast they come now."""
        self._found += rows
        self(rows, text)
