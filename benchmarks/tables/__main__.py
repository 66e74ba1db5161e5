"""The figures of real tables, G1 to G6 and G9: levels in simulation, transfers between parts of tables, and the base.

python benchmarks/tables                             all of them (hours; with LEPTON_TRIALS=8, a search of eight draws
                                                     in G6, about an hour and a half)
python benchmarks/tables --only G1                   some; the others keep the values they have

Two tables come with the shared data, the others are exported by `benchmarks/monitoring/export_streams.py` into the
folder that LEPTON_STREAMS names.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "monitoring")]

import figures  # noqa: E402

if __name__ == "__main__":
    figures.run(__doc__, HERE, "g", figures.RESULTS / "tables.json")
