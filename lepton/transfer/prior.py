"""What a strategy is expected to gain before anything is known of it here; each strategy brings its own."""

from __future__ import annotations

from dataclasses import dataclass

LABELS = (0.0, 1.0, 5.0, 20.0)
"""Labelled rows a class to which the numbers of a prior belong; between them it is interpolated."""
Shares = tuple[float, float, float, float]
UNKNOWN: Shares = (0.0, 0.3, 0.4, 0.5)
"""Of a strategy that says nothing of itself."""


@dataclass(frozen=True)
class Prior:
    """Share of the base's error that a strategy removes, by labelled rows a class (0, 1, 5, 20).

    Those of lepton's own strategies are rounded means over benchmarks: `shares` over twelve pairs of digit collections,
    first seed (`benchmarks/transfer/runs.py`), `tables` over seven pairs of parts of five public tables, each pair
    counting as much as any other (`benchmarks/tables/runs.py`; the runs are kept in `benchmarks/results`).
    """

    shares: Shares = UNKNOWN
    """More than 1 where the base underestimates its error."""
    tables: Shares = UNKNOWN
    """The same for tables."""
    taught: bool = False
    """Whether a few labels are what teaches it: then only what is above an error that such have anyway is removed."""
    spread: float | None = None
    """Standard deviation of its share; by default what was measured over all strategies. Little for one that hardly
    moves an answer."""
    tables_spread: float | None = None
    """The same for tables."""
