"""M3, M5 and M6: nineteen degradations of real images at three strengths, and wine of the other colour; n = 500.

MNIST adapted to USPS and to optdigits with ten labels a class, three seeds each; windows of 500 other images of the
target. M3: is a window detected (a score of 1 or more) at its first sight? M5: is the estimated cost on the same side
of the tolerance as the real one? M6: how far is the estimated accuracy from the real one, and how often does the
interval hold it? **The estimate never saw the degradation that it is asked about: simulated windows of that kind are
taken out first.** Real accuracy is that on the window's own labels, which the monitor is not shown; where
no number is given out as known, the middle of the pieces counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import figures
import numpy as np
from pairs import CHAMPIONS, Champion, table_champion, wines

from lepton.core.config.settings import MonitorConfig
from lepton.core.table import Table
from lepton.monitoring.accuracy import Estimate, estimate
from lepton.monitoring.answers import Judged, correct
from lepton.monitoring.baseline import Baseline
from lepton.monitoring.estimator import STRENGTHS, Simulated, degradations, degrade, simulate

N, QUIET, TRUTH, TOLERANCE, HARM = 500, 4, 2000, MonitorConfig().tolerance, 0.05
COMMAND = "python benchmarks/monitoring --only M3"

Window = tuple[str, int, Table]
"""Kind, strength (0: nothing was done), rows."""


@dataclass(frozen=True)
class Case:
    """One window."""

    champion: str
    kind: str
    strength: int
    score: float
    cost: float
    """Real: accuracy lost by TRUTH rows of the pool when the same is done to them."""
    real: float
    rough: Estimate
    learnt: Estimate


def measure() -> list[figures.Figure]:
    """Return power, sides of the tolerance, and errors of the estimate."""
    cases = [case for make in CHAMPIONS for case in cases_of(make())]
    wine = [case for seed in (0, 1, 2) for case in of_wine(seed)]
    return [*of_power(cases, wine), *of_sides(cases), *of_errors(cases, wine)]


def of_power(cases: list[Case], wine: list[Case]) -> list[figures.Figure]:
    """Return M3: what is seen at once, of what costs much and of what does not."""
    red = [case for case in wine if case.kind == "red"]
    grid = [case for case in cases if case.strength]
    harmful, rest = [c for c in [*grid, *red] if c.cost >= HARM], [c for c in grid if c.cost < HARM]
    missed = [f"{c.champion} {c.kind} {c.strength}: {c.cost:.3f}" for c in harmful if c.score < 1]
    costs = [round(c.cost, 3) for c in red]
    return [
        _figure("M3a", seen(harmful), "share detected, cost >= 5 points", len(harmful), bar="1", missed=missed),
        _figure("M3b", seen(rest), "share detected of the rest", len(rest)),
        _figure("M3c", seen(red), "share detected, windows of red wine", len(red), cost=costs),
    ]


def of_sides(cases: list[Case]) -> list[figures.Figure]:
    """Return M5: harmful or benign; of all windows, and of those where TRUTH rows can tell which is right."""
    right = np.array(
        [(case.learnt.expected - case.learnt.middle > TOLERANCE) == (case.cost > TOLERANCE) for case in cases]
    )
    clear = np.array([abs(case.cost - TOLERANCE) > noise(case) for case in cases])
    told = "the same, where the 90 % interval of the real cost is on one side"
    return [
        _figure("M5a", right.mean(), "share on the right side of the tolerance", len(cases), bar=">= 0.95"),
        _figure("M5b", right[clear].mean(), told, int(clear.sum())),
    ]


def of_errors(cases: list[Case], wine: list[Case]) -> list[figures.Figure]:
    """Return M6: errors of the estimate and what its interval holds, beside confidence alone."""
    kinds = sorted({case.kind for case in cases})
    by_kind = {kind: error([c for c in cases if c.kind == kind]) for kind in kinds}
    return [
        _figure("M6a", error(cases), "points, mean absolute error", len(cases), bar="<= 3", by_kind=by_kind),
        _figure("M6b", held(cases), "share of 90 % intervals that hold it", len(cases), bar="0.85 to 0.95"),
        _figure("M6c", error(cases, rough=True), "points, the same by confidence alone", len(cases)),
        _figure("M6d", error(wine), "points, on wine", len(wine), held=held(wine), rough=error(wine, rough=True)),
    ]


def seen(some: list[Case]) -> float:
    """Return the share with a score of at least 1."""
    return float(np.mean([case.score >= 1 for case in some])) if some else float("nan")


def error(some: list[Case], rough: bool = False) -> float:
    """Return the mean absolute error in points."""
    found = [abs((case.rough if rough else case.learnt).middle - case.real) for case in some]
    return round(100 * float(np.mean(found)), 2)


def held(some: list[Case]) -> float:
    """Return the share whose interval holds the accuracy."""
    return round(float(np.mean([case.learnt.low <= case.real <= case.learnt.high for case in some])), 3)


def cases_of(champion: Champion) -> Iterator[Case]:
    """Yield every degradation at every strength, and quiet windows."""
    yield from _cases(champion, [*_degraded(champion.pool), *_quiet(champion.pool)])


def of_wine(seed: int) -> Iterator[Case]:
    """Yield a model of white wine with windows of red, of white, and of degraded white."""
    champion = table_champion("white", wines("white", seed), seed, 2000, 1500)
    rng, red = np.random.default_rng(seed), wines("red", seed)
    reds: list[Window] = [("red", 1, _window(red, rng)) for _ in range(2)]
    yield from _cases(champion, [*_degraded(champion.pool), *reds, *_quiet(champion.pool)])


def _degraded(pool: Table) -> list[Window]:
    rng, kinds = np.random.default_rng(0), degradations(pool)
    return [(kind, s, degrade(_window(pool, rng), kind, s, seed=1)) for kind in kinds for s in STRENGTHS]


def _quiet(pool: Table) -> list[Window]:
    rng = np.random.default_rng(1)
    return [("quiet", 0, _window(pool, rng)) for _ in range(QUIET)]


def _cases(champion: Champion, windows: list[Window]) -> Iterator[Case]:
    reference, baseline = champion.reference, champion.baseline(learnt=False)
    quiet = reference.fresh() & reference.finite()
    simulated = simulate(reference, reference.held_out(), quiet, champion.answer)
    assert simulated is not None
    rows_for_truth = champion.pool.take(np.random.default_rng(2).permutation(len(champion.pool))[:TRUTH])
    usual = _accuracy(champion, rows_for_truth)
    without = {kind: unaware(simulated, kind) for kind in {kind for kind, _, _ in windows}}
    for kind, strength, rows in windows:
        seen = champion.answer(rows)
        real = float(correct(seen).mean())
        rough, learnt = estimate(reference, seen), estimate(reference, seen, without[kind])
        assert rough is not None
        assert learnt is not None
        cost = usual - real
        if kind in simulated.kinds:
            cost = usual - _accuracy(champion, degrade(rows_for_truth, kind, strength, seed=1))
        elif kind == "quiet":
            cost = 0.0
        yield Case(champion.name, kind, strength, score(baseline, seen), cost, real, rough, learnt)
    print("M3", champion.name, f"{usual:.3f} without drift", flush=True)


def unaware(simulated: Simulated, kind: str) -> Simulated:
    """Return the simulated windows but those of one kind."""
    kept = simulated.kinds != kind
    parts = {name: getattr(simulated, name)[kept] for name in ("features", "said", "accuracy", "kinds", "moved")}
    return replace(simulated, **parts)


def score(baseline: Baseline, seen: Judged) -> float:
    """Return the worst score of the window without its labels."""
    bare = replace(seen, table=seen.table.without_labels())
    return baseline.compare("window", datetime(2026, 1, 1, tzinfo=UTC), bare).observation.score


def noise(case: Case) -> float:
    """Return half the 90 % interval of the real cost: rows that change sides, of TRUTH."""
    changed = min(0.5, max(abs(case.cost), 0.01))
    return 1.645 * float(np.sqrt(changed * (1 - changed) / TRUTH))


def _accuracy(champion: Champion, rows: Table) -> float:
    return float(correct(champion.answer(rows)).mean())


def _window(pool: Table, rng: np.random.Generator) -> Table:
    return pool.take(rng.choice(len(pool), N, replace=False))


def _figure(name: str, value: float, unit: str, n: int, **notes: object) -> figures.Figure:
    return figures.figure(name, float(value), unit, n, [0, 1, 2], COMMAND, **notes)
