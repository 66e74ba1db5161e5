"""Draw what a window costs against its rows, from the results of M7 and M8: docs/images/monitoring-cost.svg.

python benchmarks/monitoring/plot.py
"""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib.pyplot as plt

ROOT = Path(__file__).resolve().parents[2]
ROWS = (100_000, 1_000_000, 10_000_000)


def main() -> None:
    """Write the picture."""
    found = {f["id"]: f for f in json.loads((ROOT / "benchmarks" / "results" / "monitoring.json").read_text())}
    plt.rcParams |= {"svg.hashsalt": "lepton", "font.size": 10}
    figure, axes = plt.subplots(1, 2, figsize=(8.4, 3.2), layout="constrained")
    ours, theirs = [found[f"M8{part}"] for part in "abc"], [found[name] for name in ("M7c", "M7d")]
    for axis, values, unit in (
        (axes[0], lambda one: one["value"], "seconds"),
        (axes[1], lambda one: one["mb"], "MB resident"),
    ):
        axis.plot(ROWS, [values(one) for one in ours], "o-", color="#1f6feb", label="lepton monitor, whole process")
        axis.plot(ROWS[:2], [values(one) for one in theirs], "s--", color="#8c959f", label="Evidently's preset alone")
        axis.set(xscale="log", yscale="log", xlabel="rows of 20 columns", ylabel=unit)
        axis.grid(visible=True, which="major", alpha=0.3)
    axes[0].legend(frameon=False)
    figure.savefig(ROOT / "docs" / "images" / "monitoring-cost.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
