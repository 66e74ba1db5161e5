"""Public tables with a natural split: what is learnt from, and what it is taken to, by time, place or group."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pairs import read_table
from streams import FOLDER, weather, wines

from lepton.core.splits import pick_per_class
from lepton.core.table import Table

SOURCE, ADAPT, REST = 3000, 1000, 3000
"""Most rows to learn from, to adapt to, and to score on."""


@dataclass(frozen=True)
class Pair:
    """A source and a target with the same columns and classes."""

    family: str
    name: str
    read: Callable[[], tuple[Table, Table]]
    untouched: bool = False
    """Whether nothing was tuned with it in sight."""


@dataclass(frozen=True)
class Drawn:
    """Rows of a pair, by seed."""

    source: Table
    adapt: Table
    """With all labels."""
    rest: Table
    classes: tuple[str, ...]


def _by(name: str, column: str, source: object, target: object) -> Callable[[], tuple[Table, Table]]:
    """Return the rows in which a column has one value, and those in which it has the other; it is left out."""

    def read() -> tuple[Table, Table]:
        frame = pd.read_csv(FOLDER / f"{name}.csv", dtype={"label": str})

        def those(value: object) -> Table:
            rows = frame[frame[column] == value].drop(columns=column).reset_index(drop=True)
            return read_table(rows, f"{name}-{value}")

        return those(source), those(target)

    return read


def _in_time(name: str) -> Callable[[], tuple[Table, Table]]:
    """Return the first third of a table in order of time, and the last."""

    def read() -> tuple[Table, Table]:
        frame = pd.read_csv(FOLDER / f"{name}.csv", dtype={"label": str})
        third = len(frame) // 3
        first, last = frame[:third].reset_index(drop=True), frame[-third:].reset_index(drop=True)
        return read_table(first, f"{name}-first"), read_table(last, f"{name}-last")

    return read


def _weather() -> tuple[Table, Table]:
    rows = weather()
    third = len(rows) // 3
    return rows.take(np.arange(third)), rows.take(np.arange(len(rows) - third, len(rows)))


PAIRS = (
    Pair("wine", "white to red", lambda: (wines("white", 0), wines("red", 0))),
    Pair("wine", "red to white", lambda: (wines("red", 0), wines("white", 0))),
    Pair("weather", "first to last years", _weather),
    Pair("elec2", "first to last months", _in_time("elec2")),
    Pair("storms", "1975 on to 2022", _in_time("storms")),
    Pair("stops", "precinct 3 to 1", _by("stops", "policePrecinct", 3, 1)),
    Pair("stops", "white to black people", _by("stops", "race", "White", "Black")),
    Pair("flights", "JFK to LGA", _by("flights", "origin", "JFK", "LGA"), untouched=True),
    Pair("flights", "EWR to JFK", _by("flights", "origin", "EWR", "JFK"), untouched=True),
    Pair("wages", "1974 on to 2018", _in_time("wages"), untouched=True),
    Pair("wages", "men to women", _by("wages", "gender", "Male", "Female"), untouched=True),
    Pair("crashes", "1997 on to 2002", _in_time("crashes"), untouched=True),
)


def drawn(pair: Pair, seed: int) -> Drawn:
    """Return a pair's rows for one seed: other rows, in another order, with each."""
    source, target = pair.read()
    random = np.random.default_rng(seed)
    classes = tuple(sorted(set(source.labels)))
    target = target.take(np.flatnonzero(np.isin(target.labels, classes)))
    order = random.permutation(len(target))
    return Drawn(
        source.take(random.permutation(len(source))[:SOURCE]),
        target.take(order[:ADAPT]),
        target.take(order[ADAPT : ADAPT + REST]),
        classes,
    )


def with_labels(table: Table, count: int, seed: int, classes: tuple[str, ...]) -> Table:
    """Return a table of which only some rows of each class keep their label."""
    picked = set(pick_per_class(table, count, seed, at_most=True, classes=classes).ids) if count else set()
    labels = np.full(len(table), None, dtype=object)
    labels[:] = [y if i in picked else None for i, y in zip(table.ids, table.labels, strict=True)]
    return table.with_labels(labels)


def each(untouched: bool | None = None) -> Iterator[Pair]:
    """Yield the pairs; all, or only those that something was, or was not, tuned with in sight."""
    yield from (pair for pair in PAIRS if untouched is None or pair.untouched == untouched)
