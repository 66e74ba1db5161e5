"""Real tables in order of time: a champion of the first part, and what came after as windows.

Two come with this project's shared data; the others are exported from packages (`export_streams`), into the folder that
LEPTON_STREAMS names.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import digits
import numpy as np
import pandas as pd
from pairs import Champion, read_table, weather, wines

from lepton.core.config.settings import EncoderConfig, PretrainConfig
from lepton.core.table import Table, concat
from lepton.monitoring.answers import answer
from lepton.monitoring.window import Rows, Window
from lepton.pretraining import pretrain

FIRST, MOST = 0.2, 9000
"""Share of the rows, and most rows, that come first: the champion is trained and calibrated on them."""
HELD = 0.3
"""Share of those that the champion is not fitted to: all of them calibrate, NannyML's estimate as well as ours."""
FOLDER = Path(os.environ.get("LEPTON_STREAMS", digits.WORK / "streams"))


@dataclass(frozen=True)
class Stream:
    """A table in order of time."""

    name: str
    read: Callable[[], Table]
    rows: int
    """In a window."""
    untouched: bool = False
    """Whether nothing was tuned with it in sight."""
    first: int | None = None
    """Rows that come first, where the share does not fit."""


def exported(name: str) -> Table:
    """Return the rows of an exported table.

    Raises:
        SystemExit: If it is not there, with the way to get it.
    """
    path = FOLDER / f"{name}.csv"
    if not path.exists():
        raise SystemExit(f"{path} is not there; benchmarks/monitoring/export_streams.py says how it is made.")
    frame = pd.read_csv(path, dtype={"label": str})
    return read_table(frame, name)


def other_colour() -> Table:
    """Return white wines in random order, then red ones."""
    white, red = wines("white", 0), wines("red", 0)
    return concat([white, red])


STREAMS = (
    Stream("elec2", partial(exported, "elec2"), 1000),
    Stream("car_loan", partial(exported, "car_loan"), 1000),
    Stream("employment", partial(exported, "employment"), 1000),
    Stream("weather", weather, 500),
    Stream("wine", other_colour, 250, first=3000),
    Stream("storms", partial(exported, "storms"), 500),
    Stream("stops", partial(exported, "stops"), 1000),
    Stream("flights", partial(exported, "flights"), 1000, untouched=True),
    Stream("wages", partial(exported, "wages"), 1000, untouched=True),
    Stream("crashes", partial(exported, "crashes"), 500, untouched=True),
)


def first_rows(stream: Stream, rows: Table) -> int:
    """Return how many rows come first."""
    return stream.first or min(MOST, int(FIRST * len(rows)))


def champion_of(stream: Stream, seed: int = 0) -> Champion:
    """Return a model of the first rows, all of them labelled as its reference, and what came after as its pool."""
    rows = stream.read()
    count = first_rows(stream, rows)
    before = rows.take(np.arange(count))
    fitted = np.random.default_rng(seed).random(count) >= HELD
    classes = tuple(sorted(set(before.labels)))
    made = pretrain(
        before.take(np.flatnonzero(fitted)),
        classes,
        EncoderConfig(),
        PretrainConfig(epochs=20),
        seed=seed,
        threads=1,
    )
    return Champion(stream.name, made.model, answer(made.model, before, fitted), rows.take(np.arange(count, len(rows))))


def windows_of(stream: Stream, pool: Table) -> Iterator[tuple[Table, Window]]:
    """Yield the windows in order, with their labels, and as the monitor gets them: without."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for k in range(len(pool) // stream.rows):
        rows = pool.take(np.arange(k * stream.rows, (k + 1) * stream.rows))
        bare = rows.without_labels()
        yield rows, Window(f"w{k:03d}", start + timedelta(days=k), partial(Rows, bare))
