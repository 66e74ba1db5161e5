"""The figures of the house itself, H1-H7: how soon it answers, what it does twice, its size, what it costs to install,
how long each command takes, and that nothing moved.

python benchmarks/house                              all of them (about 30 minutes, on a quiet machine)
python benchmarks/house --only H1 H4                 some; the others keep the values they have
python benchmarks/house --against FOLDER             beside an older checkout (about 40 minutes)

Some figures are comparisons: without `--against` H3 has no ratio and H5 is left out, and both say so. The other
checkout runs with the same Python and the same dependencies, driven by the command line alone; what is measured of it
stands beside each figure as `before`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import figures  # noqa: E402
import sides  # noqa: E402


def main() -> None:
    """Take `--against` from the command line; the rest is as in every benchmark."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--against", type=Path, metavar="FOLDER")
    given, rest = parser.parse_known_args()
    if given.against is not None:
        sides.choose(given.against.resolve())
    elif not {"-h", "--help"} & set(rest):
        print("No --against FOLDER: what compares with an older checkout is left out (the ratio of H3, all of H5).")
    sys.argv[1:] = rest
    figures.run(__doc__, HERE, "h", figures.RESULTS / "house.json")


if __name__ == "__main__":
    main()
