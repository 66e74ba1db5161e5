"""The figures of pretraining, P1 to P8; what each means stands in its own file beside this one.

python benchmarks/pretraining              all of them (two hours)
python benchmarks/pretraining --only P3    some; the others keep the values they have
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import figures  # noqa: E402

if __name__ == "__main__":
    figures.run(__doc__, HERE, "p", figures.RESULTS / "pretraining.json")
