"""The figures of transfer, T1 to T8; what each means stands in its own file beside this one.

python benchmarks/transfer              all of them (four hours, and three for the runs that T5 to T7 replay)
python benchmarks/transfer --only T3    some; the others keep the values they have
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import figures  # noqa: E402

if __name__ == "__main__":
    figures.run(__doc__, HERE, "t", figures.RESULTS / "transfer.json")
