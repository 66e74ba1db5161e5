"""Whether the tests reach far enough: `make coverage` runs it on what it has measured; says nothing if they do.

Branches count as lines do. What a test starts as another process (a command, a worker, a server) is measured as well;
only what is killed with SIGKILL takes its measurement with it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

TOGETHER, EACH = 90.0, 70.0
"""Percent of lines and branches: of lepton/ as a whole, and of each of its files."""


def below(report: dict[str, Any]) -> list[str]:
    """Return a line for all that is under the bar.

    Args:
        report: What `coverage json` writes.
    """
    files = {file: measured["summary"]["percent_covered"] for file, measured in report["files"].items()}
    low = [f"{share:5.1f} %  {file}  (the bar is {EACH:g})" for file, share in sorted(files.items()) if share < EACH]
    share = report["totals"]["percent_covered"]
    return [*low, f"{share:5.1f} %  together  (the bar is {TOGETHER:g})"] if share < TOGETHER else low


def main() -> int:
    """Look at what was measured last."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "coverage.json"
        command = [sys.executable, "-m", "coverage", "json", "--quiet", "-o", str(file)]
        if (done := subprocess.run(command, check=False)).returncode:
            return done.returncode
        lines = below(json.loads(file.read_text(encoding="utf-8")))
    if lines:
        sys.stderr.write("Too little of lepton/ is reached by the tests:\n" + "".join(f"  {line}\n" for line in lines))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
