"""The figures of monitoring, M1 to M15; what each means stands in its own file beside this one.

python benchmarks/monitoring                              all of them
python benchmarks/monitoring --only M7                    some; the others keep the values they have
python benchmarks/monitoring --only M15 --against FOLDER  beside an older checkout, which M15 needs
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "house")]

import figures  # noqa: E402
import sides  # noqa: E402

if __name__ == "__main__":
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--against", type=Path, metavar="FOLDER")
    given, sys.argv[1:] = parser.parse_known_args()
    if given.against is not None:
        sides.choose(given.against.resolve())
    figures.run(__doc__, HERE, "m", figures.RESULTS / "monitoring.json")
