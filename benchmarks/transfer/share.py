"""The share of the base's error that one strategy removes on digits: what its prior for images is read off.

Twelve pairs of digit collections x {1, 5, 20} labels a class (and none, where it needs none), seed 0, on the rows and
bases of `runs.py`; the strategy alone, without cross-validation.

    python benchmarks/transfer/share.py pooled
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import torch  # noqa: E402
from digits import table  # noqa: E402
from runs import LABELS, all_runs, base_of, test_rows, train_rows  # noqa: E402

from lepton.transfer import get_strategy  # noqa: E402
from lepton.transfer.bandit import remaining_error  # noqa: E402
from lepton.transfer.candidates import try_strategy  # noqa: E402
from lepton.transfer.signals import measure  # noqa: E402
from lepton.transfer.strategy import TargetData  # noqa: E402


def main(name: str) -> None:
    """Print the share and the points, by labels a class."""
    torch.set_num_threads(1)
    found: dict[int, list[tuple[float, float]]] = {count: [] for count in LABELS}
    for run in all_runs():
        if run.seed or (get_strategy(name).needs.labels and not run.labels):
            continue
        model, rows, test = base_of(run), train_rows(run), table(test_rows(run.target), f"{run.target}-test")
        error = remaining_error(measure(model, TargetData.of(model, rows, inputs=False)))
        before, after = (
            try_strategy(s, model, rows, test, seed=0, validate=False).metrics["accuracy"] for s in ("none", name)
        )
        found[run.labels].append(((after - before) / error, 100 * (after - before)))
        print(f"{run.name:<24} {100 * before:.1f} -> {100 * after:.1f}", flush=True)
    for count, values in found.items():
        if values:
            shares, points = zip(*values, strict=True)
            told = f"share {statistics.mean(shares):+.2f} ± {statistics.stdev(shares):.2f}, worst {min(points):+.1f}"
            print(f"{name} {count:>2} labels: {told}")


if __name__ == "__main__":
    main(sys.argv[1])
