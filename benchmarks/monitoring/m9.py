"""M9: sequences and texts: false alarms as in M1, power and errors of the estimate as in M3 and M6.

Sequences: MNIST read row by row (real images). Texts: sentences in eight languages that Faker writes from its lists of
real words. The base was trained on 4,000 other rows; references of 2,000 rows. False alarms: 20 references, 50 windows
of 500 rows each. Power and errors: three seeds, windows of 500 rows, every degradation that lepton can simulate at
every strength, with the kind left out of what the estimate learns from.
"""

from __future__ import annotations

import statistics

import figures
import numpy as np
from digits import load
from m1 import REFERENCES, WINDOWS, draw
from m3 import HARM, cases_of, error, held, seen
from other_inputs import read_by_rows, written
from pairs import table_champion

from lepton.core.table import Table
from lepton.monitoring.answers import answer

SIZE, LEARNT, ROWS, SEEDS = 500, 4_000, 2_000, 3
COMMAND = "python benchmarks/monitoring --only M9"


def measure() -> list[figures.Figure]:
    """Return the share of false alarms, of harmful windows seen, and the errors of the estimate, of each kind."""
    found = []
    for letter, what, make in (("a", "sequences", steps), ("b", "texts", texts)):
        champions = [table_champion(what, make(seed), seed, LEARNT, ROWS) for seed in range(SEEDS)]
        first = champions[0]
        population = answer(first.model, make(0).take(np.arange(LEARNT, len(make(0)))))
        alarms = np.concatenate([draw(population, SIZE, WINDOWS, seed).scores >= 1 for seed in range(REFERENCES)])
        cases = [case for champion in champions for case in cases_of(champion)]
        harmful = [case for case in cases if case.cost >= HARM]
        by_kind = {kind: error([c for c in cases if c.kind == kind]) for kind in sorted({c.kind for c in cases})}
        usual = statistics.mean(case.real for case in cases if case.kind == "quiet")
        for part, value, unit, n, notes in (
            ("a", float(alarms.mean()), f"share of windows alarmed about, n = {SIZE}", len(alarms), {"bar": "<= 0.01"}),
            ("b", seen(harmful), "share detected, cost >= 5 points", len(harmful), {"bar": "1"}),
            ("c", error(cases), "points, mean absolute error", len(cases), {"by_kind": by_kind, "usual": usual}),
            ("d", held(cases), "share of 90 % intervals that hold it", len(cases), {"bar": "0.85 to 0.95"}),
            ("e", error(cases, rough=True), "points, error of confidence alone", len(cases), {}),
        ):
            name = f"M9{letter}{part}"
            print(name, what, round(value, 4), unit, flush=True)
            found.append(figures.figure(name, value, f"{unit}, {what}", n, range(SEEDS), COMMAND, **notes))
    return found


def steps(seed: int) -> Table:
    """Return digits as sequences, in random order."""
    (x, y), order = load("mnist")[0], np.random.default_rng(seed).permutation(60_000)[:20_000]
    return read_by_rows((x[order], y[order]), "m")


def texts(seed: int) -> Table:
    """Return sentences, in random order."""
    rows = written(seed, "sentences", 2_500)
    return rows.take(np.random.default_rng(seed).permutation(len(rows)))
