"""D2: made-up tables with hostile names and values, through CSV and Parquet: stored as they were sent, or refused.

The tables are those of `tests/round_trips.py`. Two formats of one table that are both taken must give one digest.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import figures
from hypothesis import HealthCheck, Phase, given, seed, settings

sys.path.insert(0, str(figures.ROOT))

from tests.round_trips import Sent, changed, tables

COMMAND = "python benchmarks/deliveries --only D2"
TABLES, SEED = 2_000, 0


def measure() -> Iterator[figures.Figure]:
    """Yield the number of tables that changed without a word."""
    wrong: list[str] = []
    played = 0

    with tempfile.TemporaryDirectory(prefix="lepton-d2-") as folder:

        @seed(SEED)
        @given(sent=tables())
        @settings(
            max_examples=TABLES,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def play(sent: Sent) -> None:
            nonlocal played
            played += 1
            if found := changed(sent, Path(folder)):
                wrong.append(found[0])

        play()
    unit = "tables changed without a word"
    yield figures.figure("D2", len(wrong), unit, played, [SEED], COMMAND, bar=0, such=wrong[:5])
