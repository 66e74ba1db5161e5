"""The figures of monitoring, M1 to M9; what each means stands in its own file beside this one.

python benchmarks/monitoring              all of them
python benchmarks/monitoring --only M7    some; the others keep the values they have
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import figures  # noqa: E402

if __name__ == "__main__":
    figures.run(__doc__, HERE, "m", figures.RESULTS / "monitoring.json")
