"""The figures of deliveries as people really send them, D1-D7: cases, tables, damage, size, width, cost, names.

python benchmarks/deliveries                         all of them (an hour; LEPTON_ROWS=200000 spares the most)
python benchmarks/deliveries --only D1               some; the others keep the values they have
python benchmarks/deliveries --against FOLDER        beside an older checkout, without which D6 is left out

Needs the folder of cases: `../shared/cases`, or what LEPTON_SHARED_CASES names. A case makes an input and gives it to
the real command line; `expectations.py` says what its output must show.
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
    given, rest = parser.parse_known_args()
    if given.against is not None:
        sides.choose(given.against.resolve())
    sys.argv[1:] = rest
    figures.run(__doc__, HERE, "d", figures.RESULTS / "deliveries.json")
