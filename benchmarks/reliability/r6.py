"""R6: questions about the lineage, put to a ledger of 10,000 registered versions and 1,000 batches.

One source, 100 targets; each target's model is adapted again and again, four times in ten it is promoted, else refused;
each version saw all batches that its domain had by then, twice (train and held-out). Every row is what lepton itself
writes: the record of `Lineage.to_json()` with a gate's verdict, settings and libraries (about 7 kB), the verdict once
more in the row that promotes or refuses. The rows are inserted in bulk, each sealed with the hash of the one before;
`Ledger.verify` looks at the whole chain before anything is timed. One batch is recalled, so that a recall's reach has
to be worked out as well.

R6a is the slowest of `lepton lineage tree`, `show` and `diff`, R6b the slowest `impact`, each the median of five runs
of the command as a process of its own, start of Python included; the same in process stands beside it. One run before
warms up, so that the modules are compiled, as they are where lepton is installed. Takes about two minutes, of which the
ledger takes less than half.
"""

from __future__ import annotations

import contextlib
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import figures

VERSIONS, BATCHES, TARGETS, RUNS = 10_000, 1_000, 100, 5
COMMAND = "python benchmarks/reliability --only R6"
QUERIES = {
    "tree": ("tree",),
    "tree of one": ("tree", "site-7"),
    "show": ("show", "site-7"),
    "diff": ("diff", "site-7@3", "site-7"),
}
IMPACTS = {
    "batch": ("impact", "--batch", "hub/hub-3"),
    "data": ("impact", "--data", "{digest}"),
    "model": ("impact", "--model", "hub@1"),
}


def measure() -> Iterator[figures.Figure]:
    """Yield the seconds of a query and of an impact."""
    with tempfile.TemporaryDirectory(prefix="lepton-r6-") as folder:
        root, started = Path(folder), time.perf_counter()
        digest = build(root, VERSIONS, BATCHES, TARGETS)
        built = time.perf_counter() - started
        for name, what, asked in (("R6a", "lineage query", QUERIES), ("R6b", "impact", IMPACTS)):
            whole, inside = {}, {}
            for query, words in asked.items():
                line = ["lineage", *(word.format(digest=digest[:12]) for word in words)]
                whole[query] = [as_process(root, line) for _ in range(RUNS + 1)][1:]
                inside[query] = statistics.median([in_process(root, line) for _ in range(RUNS + 1)][1:])
            slowest = max(whole, key=lambda query: statistics.median(whole[query]))
            notes: dict[str, Any] = {
                "slowest": slowest,
                "medians": {query: round(statistics.median(each), 3) for query, each in whole.items()},
                "in_process": {query: round(seconds, 3) for query, seconds in inside.items()},
                "versions": VERSIONS,
                "batches": BATCHES,
                "ledger_bytes": (root / ".lepton" / "ledger.db").stat().st_size,
                "build_seconds": round(built, 1),
            }
            value = statistics.median(whole[slowest])
            yield figures.figure(
                name, value, f"s, {what} (slowest, median)", RUNS, [], COMMAND, whole[slowest], **notes
            )


def as_process(root: Path, words: list[str]) -> float:
    """Return the seconds of one command as a process of its own."""
    code = "from lepton.cli.main import run; run()"
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=root, env=_environ(root), capture_output=True, text=True
    )
    seconds = time.perf_counter() - started
    if done.returncode or not done.stdout.strip():
        raise RuntimeError(f"{words} ended with {done.returncode}: {done.stderr}")
    return seconds


def in_process(root: Path, words: list[str]) -> float:
    """Return the seconds of one command in this process."""
    from lepton.cli.main import main

    os.environ["LEPTON_WORKSPACE"] = str(root)
    started = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        code = main(words)
    seconds = time.perf_counter() - started
    if code:
        raise RuntimeError(f"{words} ended with {code}")
    return seconds


def _environ(root: Path) -> dict[str, str]:
    """Return the environment of a process; what it compiles is kept with the ledger, wherever Python is told not to."""
    named = {key: value for key, value in os.environ.items() if not key.startswith("LEPTON_")}
    named.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**named, "PYTHONPATH": str(figures.ROOT), "PYTHONPYCACHEPREFIX": str(root / "compiled")}


def build(root: Path, versions: int, batches: int, targets: int) -> str:
    """Make a workspace with a ledger of so many versions and batches; return the digest of some data of its source."""
    from lepton.core.ledger import Ledger
    from lepton.core.ledger.rows import Ingested

    (root / "contracts").mkdir()
    (root / "lepton.yaml").write_text("name: sites\nkind: tabular\nsource: hub\n")
    for domain in ("hub", *(f"site-{number}" for number in range(targets))):
        (root / "contracts" / f"{domain}.yaml").write_text("columns: {}\n")
    ledger = Ledger(f"sqlite:///{root / '.lepton' / 'ledger.db'}")
    ledger.record("bench", "hub", Ingested("hub-0", rows=500))
    from history import Past, insert

    past = Past(versions, batches, targets)
    insert(ledger, past.rows())
    if problems := ledger.verify():
        raise RuntimeError(f"the ledger that was built is broken: {problems[:3]}")
    return past.some_digest
