"""The figures of a champion that answers.

S1: requests a second beside MLflow; S3: latency; S4: promotions under load; S5: kills under load; S6: the same answers
elsewhere; S7: what the one file costs.

python benchmarks/serving                            all of them (some ten minutes)
python benchmarks/serving --only S7                  some; the others keep the values they have

A page is opened in Chromium (/usr/bin/chromium); onnxruntime-web is fetched from the npm registry, or lies in the file
that LEPTON_ONNXRUNTIME_WEB names (`npm pack onnxruntime-web`).
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "house")]

import figures  # noqa: E402

if __name__ == "__main__":
    figures.run(__doc__, HERE, "s", figures.RESULTS / "serving.json")
