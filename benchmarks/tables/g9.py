"""G9: how much of the possible gain any rule could let through on few labels, where 2 % of the runs may be harmed.

A simulation on recorded runs (`benchmarks/results/table_runs.jsonl`): what each candidate truly gains is measured; what
5 or 20 labels a class say of it is drawn anew. Candidates are chosen as the search does, by what is known of each
strategy (from the other pairs) and the labels; what is judged is the choice of each half on the other half. Three ways
to judge it are tried, each at many thresholds:

- test: the gate's bound of the paired difference, at any level (the gate has 2 %, see `lepton.transfer.crossfit`);
- belief: the chance of a gain, from a normal prior of the gain and the paired difference;
- strata: the rows on which both differ, bounded by Clopper and Pearson, times how many there are, which needs no label.

What the best threshold of each reaches bounds what a rule can do that sees nothing but these labels.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import figures
import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, norm

COMMAND = "python benchmarks/tables --only G9"
RUNS = figures.RESULTS / "table_runs.jsonl"
DRAWS, SEED = 1000, 0
MARGIN, WORSE, ALLOWED = 0.02, 0.005, 0.02
"""What must be ruled out; from when on a run counts as harmed; the share of such runs that is allowed."""
LEVELS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4)
SPREADS = (0.03, 0.05, 0.08)
APART = 0.12
"""Share of rows on which two equally good models differ; what one is better by comes on top."""

Counts = NDArray[np.int64]
Rule = Callable[["Judged"], NDArray[np.bool_]]


@dataclass(frozen=True)
class Judged:
    """What the labels say of the choice in each draw."""

    rows: int
    wins: Counts
    losses: Counts
    apart: NDArray[np.float64]
    """Share of rows on which the choice differs from the un-adapted base."""


def measure() -> Iterator[figures.Figure]:
    """Yield the most that a threshold of any rule lets through, and what the gate's own lets through."""
    played = {labels: list(_played(labels)) for labels in (20, 5)}
    for letter, labels, bar in (("a", 20, 75), ("b", 5, 50)):
        found = {name: _outcome(rule, played[labels]) for name, rule in rules().items()}
        harmless = {name: share for name, (harm, share) in found.items() if harm <= ALLOWED}
        best = max(harmless, key=lambda name: harmless[name])
        yield figures.figure(
            f"G9{letter}",
            100 * harmless[best],
            f"% of the possible gain, the most that a rule lets through with {labels} labels a class",
            DRAWS * len(played[labels]),
            [SEED],
            COMMAND,
            bar=bar,
            rule=best,
            rules={name: [round(100 * harm, 1), round(100 * share, 1)] for name, (harm, share) in found.items()},
        )


def rules() -> dict[str, Rule]:
    """Return the rules by name, each at several thresholds."""
    found: dict[str, Rule] = {}
    for level in LEVELS:
        found[f"test, level {level}"] = lambda seen, level=level: _bound(seen, float(norm.isf(level))) >= -MARGIN
        found[f"strata, level {level}"] = lambda seen, level=level: _strata(seen, level) >= -MARGIN
        for spread in SPREADS:
            found[f"belief, spread {spread}, level {level}"] = lambda seen, level=level, spread=spread: (
                _chance(seen, spread) >= 1 - level
            )
    return found


def _bound(seen: Judged, z: float) -> NDArray[np.float64]:
    """Return the lower bound of the paired difference, with half a row added to wins and losses."""
    rows = seen.rows + 1
    difference, differing = (seen.wins - seen.losses) / rows, (seen.wins + seen.losses + 1) / rows
    return difference - z * np.sqrt((differing - difference**2) / rows)


def _strata(seen: Judged, level: float) -> NDArray[np.float64]:
    least = beta.ppf(level, np.maximum(seen.wins, 1e-9), seen.losses + 1)
    return seen.apart * (2 * np.where(seen.wins > 0, least, 0.0) - 1)


def _chance(seen: Judged, spread: float) -> NDArray[np.float64]:
    """Return the chance that the gain is above zero, with a normal prior around zero."""
    rows = seen.rows + 1
    difference, differing = (seen.wins - seen.losses) / rows, (seen.wins + seen.losses + 1) / rows
    noise = (differing - difference**2) / rows
    return norm.cdf((difference / noise) / np.sqrt(1 / spread**2 + 1 / noise))


def _outcome(rule: Rule, played: Sequence[tuple[Judged, NDArray[np.float64], float]]) -> tuple[float, float]:
    """Return the share of runs that are harmed, and the share of the possible gain that serves."""
    got = [np.where(rule(seen) & (seen.wins > seen.losses), gain, 0.0) for seen, gain, _ in played]
    possible = sum(best for _, _, best in played)
    return float(np.mean([(one < -WORSE).mean() for one in got])), float(sum(one.mean() for one in got) / possible)


def _played(labels: int) -> Iterator[tuple[Judged, NDArray[np.float64], float]]:
    """Yield of each recorded run what labels say of the choices, what these truly gain, and the best that there was."""
    random = np.random.default_rng(SEED)
    runs: dict[tuple[str, int], dict[str, float]] = defaultdict(dict)
    for line in map(json.loads, RUNS.read_text().splitlines()):
        if line["labels"] == labels:
            runs[line["pair"], line["seed"]][line["strategy"]] = (line["reached"] - line["unadapted"]) / 100
    half = labels  # of two classes
    for (pair, _), gains in runs.items():
        names = [name for name in sorted(gains) if name != "recalibrate"]  # it changes no answer
        gain = np.array([gains[name] for name in names])
        others = [[run[name] for (other, _), run in runs.items() if other != pair] for name in names]
        prior, spread = np.mean(others, axis=1), np.maximum(np.std(others, axis=1), 0.01)
        apart = np.clip(np.abs(gain) + APART, 0, 0.6)
        chances = np.stack([(apart + gain) / 2, (apart - gain) / 2, 1 - apart], axis=1)
        a, b = (random.multinomial(half, chances, size=(DRAWS, len(names))) for _ in range(2))

        def choose(counts: Counts, rows: int, prior: object = prior, spread: object = spread) -> Counts:
            weight, noise = 1 / np.square(spread), 0.25 / rows
            found = (counts[..., 0] - counts[..., 1]) / rows
            chosen: Counts = ((weight * np.asarray(prior) + found / noise) / (weight + 1 / noise)).argmax(axis=1)
            return chosen

        draws = np.arange(DRAWS)
        by_a, by_b, by_all = choose(a, half), choose(b, half), choose(a + b, 2 * half)
        counts = b[draws, by_a] + a[draws, by_b]
        seen = Judged(2 * half, counts[:, 0], counts[:, 1], apart[by_all])
        yield seen, gain[by_all], max(float(gain.max()), 0.0)
