"""The 144 runs behind T5, T6 and T7: every strategy, once a run, with all that a decision may look at afterwards.

12 ordered pairs of four digit collections x {0, 1, 5, 20} labels a class x 3 seeds. The base reads images of 16 x 16
and was trained on at most 10,000 of the source's training images; the target shows at most 1,000 of its own. What a run
is scored with, the target's test images, decides nothing.

    python benchmarks/transfer/runs.py --part 0/2 & python benchmarks/transfer/runs.py --part 1/2
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import numpy as np  # noqa: E402
from digits import CLASSES, NAMES, WORK, Arrays, base, load, some, table, with_labels  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from lepton.core.table import Table  # noqa: E402
from lepton.core.work.files import atomic_dir  # noqa: E402
from lepton.models.model import Model  # noqa: E402
from lepton.transfer.candidates import Candidate, try_strategy  # noqa: E402
from lepton.transfer.signals import Signals, measure  # noqa: E402
from lepton.transfer.strategy import TargetData  # noqa: E402

STRATEGIES = (
    "none",
    "recalibrate",
    "bn",
    "prototype",
    "coral",
    "probe",
    "residual",
    "lora",
    "finetune",
    "mcc",
    "shot",
)
LABELS = (0, 1, 5, 20)
SEEDS = (0, 1, 2)
ROWS, SOURCE_ROWS, SIZE = 1000, 10_000, 16
EPOCHS = {"mnist": 12, "usps": 20, "optdigits": 20, "semeion": 30}
NEEDS_LABELS = ("probe", "residual", "lora", "finetune")
FOLDER = WORK / "runs"


@dataclass(frozen=True)
class Run:
    """One transfer: from where to where, with how many labels."""

    source: str
    target: str
    labels: int
    seed: int

    @property
    def name(self) -> str:
        """Return a name for its folder."""
        return f"{self.source}-{self.target}-{self.labels}-{self.seed}"


@dataclass(frozen=True)
class Tried:
    """One strategy of a run."""

    about: dict[str, Any]
    """`Candidate.to_json`."""
    test: NDArray[np.float32]
    """(t, k) probabilities on the test images."""
    out_of_fold: NDArray[np.float32]
    answers: NDArray[np.float32]
    embedding: NDArray[np.float32]


def all_runs() -> Iterator[Run]:
    """Return the runs, those of one seed together."""
    for seed in SEEDS:
        for source in NAMES:
            for target in NAMES:
                if source != target:
                    for labels in LABELS:
                        yield Run(source, target, labels, seed)


def test_rows(target: str) -> Arrays:
    """Return the images that a run is scored with."""
    return load(target)[1]


def make(run: Run) -> None:
    """Try every strategy and keep what came of it, whole or not at all."""
    ancestor, train = base_of(run), train_rows(run)
    test = table(test_rows(run.target), f"{run.target}-test")
    with atomic_dir(FOLDER / run.name) as folder:
        for name in STRATEGIES:
            if run.labels or name not in NEEDS_LABELS:
                keep(try_strategy(name, ancestor, train, test, seed=run.seed), folder / name)
        truth = some(load(run.target)[0], ROWS, 10 + run.seed)[1]
        labels = np.array([-1 if label is None else CLASSES.index(label) for label in train.labels])
        np.savez(folder / "rows.npz", truth=truth, labels=labels, test=test_rows(run.target)[1])


def train_rows(run: Run) -> Table:
    """Return the rows that a run adapts to, with the labels that it may know."""
    return with_labels(table(some(load(run.target)[0], ROWS, 10 + run.seed), run.target), run.labels, run.seed)


def base_of(run: Run) -> Model:
    """Return the base of a run."""
    return base(run.source, run.seed, count=SOURCE_ROWS, size=SIZE, epochs=EPOCHS[run.source])


def signals_of(run: Run) -> Signals:
    """Return the signals of a run, measured once."""
    path = FOLDER / run.name / "signals.json"
    if not path.exists():
        ancestor = base_of(run)
        found = measure(ancestor, TargetData.of(ancestor, train_rows(run), inputs=False))
        path.write_text(json.dumps(found.to_json()))
    return Signals.from_json(json.loads(path.read_text()))


def keep(found: Candidate, path: Path) -> None:
    """Write a candidate without its weights."""
    path.with_suffix(".json").write_text(json.dumps(found.to_json()))
    np.savez(
        path.with_suffix(".npz"),
        test=found.probabilities.astype(np.float32),
        out_of_fold=found.out_of_fold.astype(np.float32),
        answers=found.answers.astype(np.float32),
        embedding=found.embedding.astype(np.float16),
    )


def read(run: Run) -> tuple[dict[str, Tried], dict[str, NDArray[np.int64]]]:
    """Return what was tried, by strategy, and labels: `truth` and `labels` of the rows, `test` of the test images."""
    folder, found = FOLDER / run.name, {}
    for name in STRATEGIES:
        if (folder / f"{name}.json").exists():
            with np.load(folder / f"{name}.npz") as arrays:
                values = {key: arrays[key].astype(np.float32) for key in arrays}
            found[name] = Tried(json.loads((folder / f"{name}.json").read_text()), **values)
    with np.load(folder / "rows.npz") as rows:
        return found, {key: rows[key] for key in rows}


def main() -> None:
    """Make the runs that are not there yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", default="0/1", metavar="K/N", help="every N-th pair, from the K-th on")
    parser.add_argument("--seeds", type=int, nargs="*", default=SEEDS)
    asked = parser.parse_args()
    part, parts = (int(v) for v in asked.part.split("/"))
    pairs = sorted({(run.source, run.target) for run in all_runs()})
    for run in (run for run in all_runs() if run.seed in asked.seeds):
        if pairs.index((run.source, run.target)) % parts == part and not (FOLDER / run.name).exists():
            make(run)
            found, rows = read(run)
            shown = [f"{n} {(t.test.argmax(axis=1) == rows['test']).mean():.3f}" for n, t in found.items()]
            print(run.name, *shown, f"{sum(t.about['seconds'] for t in found.values()):.0f} s", flush=True)


if __name__ == "__main__":
    main()
