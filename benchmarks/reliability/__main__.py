"""The figures of registry, lineage and audit, R1-R8; what each means stands in its own file beside this one.

python benchmarks/reliability                 all of them (about half an hour)
python benchmarks/reliability --only R2 R3    some; the others keep the values they have
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import figures  # noqa: E402

if __name__ == "__main__":
    figures.run(__doc__, HERE, "r", figures.RESULTS / "reliability.json")
