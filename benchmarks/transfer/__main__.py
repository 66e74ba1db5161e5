"""The figures of transfer, T3 and T8; what each means stands in its own file beside this one.

python benchmarks/transfer              all of them (about ten minutes)
python benchmarks/transfer --only T3    some; the others keep the values they have
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import figures  # noqa: E402

RESULTS = figures.RESULTS / "transfer.json"


def main() -> None:
    """Measure what is asked for and merge it into the results."""
    parts = sorted(path.stem for path in HERE.glob("t[0-9].py"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", metavar="ID", choices=[part.upper() for part in parts])
    wanted = parser.parse_args().only
    for part in parts:
        if wanted and part.upper() not in wanted:
            continue
        known = figures.read(RESULTS)
        for found in import_module(part).measure():
            known[found["id"]] = found
            print(figures.show(found), flush=True)
        figures.save(RESULTS, known)


if __name__ == "__main__":
    main()
