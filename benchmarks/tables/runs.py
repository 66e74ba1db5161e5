"""Recorded transfers of tables: how much of the base's error each strategy removes, and what the scores say of it.

Seven pairs of parts of five tables (wine by colour, weather, electricity and storms by time, police stops by precinct
and people) x {0, 1, 5, 20} labels a class x 2 seeds; the five pairs that `parts` calls untouched stay so. Every default
strategy is fitted whole to a thousand rows, three thousand others score it. A line a strategy and run is kept in
`benchmarks/results/table_runs.jsonl`; what is there is not made again. The priors for tables are learnt from it.

    python benchmarks/tables/runs.py            make what is missing; print mean and deviation of each strategy, and how
                                                often what each label-free score says is true
    python benchmarks/tables/runs.py --again standardise
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "monitoring")]

import figures  # noqa: E402
import numpy as np  # noqa: E402
import parts  # noqa: E402
import torch  # noqa: E402
from g3 import accuracy, base  # noqa: E402

from lepton.core.work.files import atomic_write  # noqa: E402
from lepton.transfer import default_strategies, get_strategy  # noqa: E402
from lepton.transfer.bandit import remaining_error  # noqa: E402
from lepton.transfer.candidates import try_strategy  # noqa: E402
from lepton.transfer.choice import case_of  # noqa: E402
from lepton.transfer.guard import findings_of  # noqa: E402
from lepton.transfer.label_shift import plausible_prior  # noqa: E402
from lepton.transfer.prior import LABELS  # noqa: E402
from lepton.transfer.signals import measure  # noqa: E402
from lepton.transfer.strategy import TargetData  # noqa: E402

SEEDS = (0, 1)
WORSE = 0.5
"""Points from which on a model counts as better or worse."""
RUNS = figures.RESULTS / "table_runs.jsonl"


@dataclass(frozen=True)
class Tried:
    """One strategy, fitted once."""

    pair: str
    labels: int
    seed: int
    strategy: str
    unadapted: float
    """Accuracies on the scoring rows, in percent."""
    reached: float
    error: float
    """Of the base, as the planner estimates it."""
    findings: dict[str, tuple[str, float | None, float | None]]
    """Name of a validator or check -> what it says of the strategy against the base, its value, and that beside it.
    Empty where the strategy was fitted again alone: some of them ask what other strategies came to."""
    revision: str

    @property
    def gain(self) -> float:
        """Points above the un-adapted base."""
        return self.reached - self.unadapted

    @property
    def share(self) -> float:
        """Share of the base's estimated error that it removes, within -1.5 and 1.5."""
        return float(np.clip((self.reached - self.unadapted) / (100 * self.error), -1.5, 1.5))


def runs(again: tuple[str, ...] = ()) -> Iterator[Tried]:
    """Yield every default strategy on every pair; what is not on file yet, or is to be made again, is made."""
    torch.set_num_threads(1)
    lines = RUNS.read_text().splitlines() if RUNS.exists() else []
    known: dict[tuple[str, int, int], list[Tried]] = {}
    for tried in (Tried(**json.loads(line)) for line in lines):
        if tried.strategy not in again:
            known.setdefault((tried.pair, tried.labels, tried.seed), []).append(tried)
    _keep(known)
    for pair in parts.each(untouched=False):
        for seed in SEEDS:
            for count in map(int, LABELS):
                name = f"{pair.family}: {pair.name}"
                there = known.setdefault((name, count, seed), [])
                names = {s for s in default_strategies() if count or not get_strategy(s).needs.labels} - {"none"}
                missing = sorted(names - {tried.strategy for tried in there})
                if missing:
                    there += (made := list(_made(pair, name, count, seed, missing, bool(there))))
                    _keep(known)
                    shown = " ".join(f"{t.strategy} {t.reached:.1f}" for t in made)
                    print(f"{name}, {count} labels, seed {seed}: {made[0].unadapted:.1f}; {shown}", flush=True)
                yield from there


def _keep(known: dict[tuple[str, int, int], list[Tried]]) -> None:
    atomic_write(RUNS, "".join(json.dumps(asdict(tried)) + "\n" for run in known.values() for tried in run))


def _made(pair: parts.Pair, name: str, count: int, seed: int, strategies: list[str], alone: bool) -> Iterator[Tried]:
    rows, model = parts.drawn(pair, seed), base(pair, seed)
    shown = parts.with_labels(rows.adapt, count, seed, rows.classes)
    seen = TargetData.of(model, shown, inputs=False)
    error, prior = remaining_error(measure(model, seen)), plausible_prior(model, seen.features).numpy()
    # Only what is never fitted is held against the labels: the scores are to be worth something without any.
    found = {
        s: try_strategy(s, model, shown, rows.rest, seed=seed, validate=s == "none") for s in ["none", *strategies]
    }
    labels, unadapted = model.label_indices(shown.labels), accuracy(rows.rest, model)
    for strategy in strategies:
        others = {label: other for label, other in found.items() if label != strategy}
        case = case_of(found[strategy], found["none"], others, model, labels, prior)
        yield Tried(
            name,
            count,
            seed,
            strategy,
            round(unadapted, 4),
            round(accuracy(rows.rest, found[strategy].model), 4),
            round(error, 4),
            {} if alone else {f.name: (f.says, _number(f.value), _number(f.beside)) for f in findings_of(case)},
            figures.revision(),
        )


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)


def main() -> None:
    """Make what is missing; print what strategies remove, by labels a class, and what the scores are worth."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--again", nargs="*", metavar="STRATEGY", default=())
    found = list(runs(tuple(parser.parse_args().again)))
    for strategy in dict.fromkeys(tried.strategy for tried in found):
        for count in map(int, LABELS):
            some = [t for t in found if t.strategy == strategy and t.labels == count]
            if some:
                shares, points = [t.share for t in some], [t.gain for t in some]
                print(
                    f"{strategy:<14} {count:>2} labels: share {statistics.mean(shares):+.2f}"
                    f" ± {statistics.stdev(shares):.2f}, points {statistics.mean(points):+.2f}"
                    f" (worst {min(points):+.1f}, best {max(points):+.1f}), n = {len(some)}"
                )
    for name in dict.fromkeys(name for tried in found for name in tried.findings):
        for says in ("for", "against"):
            gains = [t.gain for t in found if t.findings.get(name, ("",))[0] == says]
            if gains:
                better, worse = (100 * np.mean([sign * gain > WORSE for gain in gains]) for sign in (1, -1))
                print(
                    f"{name:<20} says {says:<7} {len(gains):>4} times: {better:.0f} % better, {worse:.0f} % worse by"
                    f" > {WORSE} points; mean {np.mean(gains):+.2f}"
                )


if __name__ == "__main__":
    main()
