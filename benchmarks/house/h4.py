"""H4: how large the parts are that restructuring makes small, counted in the files themselves.

a: lines of the flows, all Python files under `flows/`. b: how often a dictionary of anything, `dict[str, Any]` or
`dict[str, object]`, is written in `lepton/operations` and the flows, where values should have types. What a result says
as JSON or to a person is one by nature and has a name in one place (`operations/result.py`); how often such a name is
used stands beside the figure. c: Python files of fewer than 30 lines under `lepton/`, package faces aside: what says so
little is one more page to open. Takes no time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import figures
from sides import sides

COMMAND = "python benchmarks/house --only H4"
LOOSE = re.compile(r"dict\[str, (?:Any|object)\]")
NAMED = re.compile(rf"^(\w+)(?::\s*TypeAlias)?\s*=\s*{LOOSE.pattern}\s*$", re.MULTILINE)
FEWEST = 30


def measure() -> Iterator[figures.Figure]:
    """Yield lines of the flows, loosely typed places, and short files."""
    now, *before = [_counted(side.root) for side in sides()]
    for name, what, unit, bar in (
        ("H4a", "lines", "lines of flows/", 800),
        ("H4b", "loose", "times dict[str, Any] or dict[str, object] in operations and flows", 20),
        ("H4c", "short", f"files of fewer than {FEWEST} lines in lepton/", 8),
    ):
        value, notes = now[what]
        beside = {"before": before[0][what][0]} if before else {}
        yield figures.figure(name, value, unit, notes.pop("files"), [], COMMAND, bar=bar, **notes, **beside)


def _counted(root: Path) -> dict[str, tuple[int, dict[str, Any]]]:
    """Return each count of a checkout with the notes to it."""
    flows, operations = _python(root / "flows"), _python(root / "lepton" / "operations")
    lines = sum(_lines(path) for path in flows)
    texts = [path.read_text(encoding="utf-8") for path in [*flows, *operations]]
    loose = sum(len(LOOSE.findall(text)) for text in texts)
    names = {name for text in texts for name in NAMED.findall(text)}
    used = [line for text in texts for line in text.splitlines() if not line.startswith(("from ", "import "))]
    by_name = sum(len(re.findall(rf"\b{name}\b(?!\s*=)", line)) for line in used for name in names)
    whole = [path for path in _python(root / "lepton") if path.name != "__init__.py"]
    short = sorted(str(path.relative_to(root)) for path in whole if _lines(path) < FEWEST)
    return {
        "lines": (lines, {"files": len(flows)}),
        "loose": (loose, {"files": len(texts), "by_another_name": by_name}),
        "short": (len(short), {"files": len(whole), "names": short}),
    }


def _python(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())
