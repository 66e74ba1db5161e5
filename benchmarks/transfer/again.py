"""Some draws of T1, T2 and T4, and T5 to T7 of some seeds, beside those on record: did a change of the code move them?

A draw is the same bits each time, unless the code changed, or the clock: what is tried within a budget hangs on it.

    python benchmarks/transfer/again.py --draws 2
    python benchmarks/transfer/again.py --draws 1 --only T4
    python benchmarks/transfer/again.py --seeds 1 --only T5      48 of the 144 runs (an hour, unless they are there)

Each figure keeps its value, and gets beside it what was measured again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import figures  # noqa: E402
import t1  # noqa: E402
import t2  # noqa: E402
import t5  # noqa: E402
from t3 import BARS, one  # noqa: E402

RESULTS = figures.RESULTS / "transfer.json"


def ways() -> Iterator[tuple[str, Callable[[int], float]]]:
    """Yield the id of each figure, and what measures one draw of it."""
    yield "T1a", lambda draw: t1.PROTOCOL.adapt(draw).reached
    yield "T2a", lambda draw: t2.PROTOCOL.adapt(draw).reached
    for letter, count in zip("abcd", BARS, strict=True):
        yield f"T4{letter}", lambda draw, count=count: one(draw, count, True).reached


def main() -> None:
    """Measure the first draws of each figure, and keep them beside the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=2, help="of each figure")
    parser.add_argument("--seeds", type=int, nargs="*", default=[1], help="of T5 to T7")
    parser.add_argument("--only", nargs="*", metavar="ID")
    asked = parser.parse_args()
    if not asked.only or "T5" in asked.only:
        replayed(asked.seeds)
    for name, draw in ways():
        if asked.only and name[:2] not in asked.only:
            continue
        found = [round(draw(seed), 4) for seed in range(asked.draws)]
        known = figures.read(RESULTS)
        before = known[name]["each"][: asked.draws]
        apart = round(max(abs(a - b) for a, b in zip(found, before, strict=True)), 4)
        known[name]["again"] = {"revision": figures.revision(), "each": found, "most_apart": apart}
        figures.save(RESULTS, known)
        print(name, "before", before, "now", found, "most apart", apart, flush=True)


def replayed(seeds: list[int]) -> None:
    """Replay the runs of some seeds, and keep T5 to T7 of these beside the figures."""
    played = t5.play([run for run in t5.all_runs() if run.seed in seeds])
    for found in (t5.negative(played), t5.guarded(played), *t5.planned(played)):
        known = figures.read(RESULTS)
        again = {"revision": figures.revision(), "seeds": seeds, "n": len(played), "value": found["value"]}
        known[found["id"]]["again"] = again
        figures.save(RESULTS, known)
        print(found["id"], "before", known[found["id"]]["value"], "now", found["value"], found["unit"], flush=True)


if __name__ == "__main__":
    main()
