"""The figures of deliveries as people really send them, D1 to D3 and D7: cases, tables, damage, names.

python benchmarks/deliveries                         all of them (about 20 minutes)
python benchmarks/deliveries --only D1               some; the others keep the values they have

Needs the folder of cases: `../shared/cases`, or what LEPTON_SHARED_CASES names. A case makes an input and gives it to
the real command line; `expectations.py` says what its output must show.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import figures  # noqa: E402

if __name__ == "__main__":
    figures.run(__doc__, HERE, "d", figures.RESULTS / "deliveries.json")
