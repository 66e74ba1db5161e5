"""What a case asks of a module that is no longer there, asked of the command line instead: by number of the case."""

from __future__ import annotations

import re

GONE = re.compile(r"^Traceback .*?^(?:ModuleNotFound|Import)Error: [^\n]*'lepton\.[^\n]*$", re.MULTILINE | re.DOTALL)
"""What Python says where a script imports such a module."""

LATER = {
    # Does a column of dates drift for ever? The case asks the monitor's function, with made-up answers; this asks the
    # monitor, with a champion.
    "30": r"""
export LEPTON_PRETRAIN__EPOCHS=3
lepton -w shop pretrain --local
lepton -w shop ingest branch quarter.csv --new --local
lepton -w shop transfer branch --local -s none
lepton -w shop ingest branch q1-again.csv --local
lepton -w shop ingest branch april.csv --local
"$LEPTON_BIN" -w shop monitor branch --local --json > windows.json
"$PY" - <<'P'
import json
for seen in json.load(open("windows.json"))["windows"]:
    told = seen["observation"]
    inputs = {name: round(score, 2) for name, score in told["columns"].items() if "inputs" in name}
    print(f"{told['window']}.csv", inputs)
P
""",
}
