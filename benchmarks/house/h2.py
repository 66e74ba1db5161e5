"""H2: how often one transfer reads the rows it adapts with (a), and loads the ancestor it starts from (b).

A table of 1,000 rows, a first transfer, all eleven strategies in one process, and a budget that lets each be tried that
promises anything. Counted where files are read, by whatever function; see `spy`. Readings of ids and labels alone and
openings of the file (to hash it, say) are told beside, as are loads of candidates that the transfer itself had stored.
Takes about half a minute a side.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import figures
from deliveries import tables
from sides import Side, sides, weights

COMMAND = "python benchmarks/house --only H2"
SETTINGS = {"LEPTON_TRANSFER__BUDGET_SECONDS": "100000", "LEPTON_PRETRAIN__EPOCHS": "5"}
BAR = 1


def measure() -> Iterator[figures.Figure]:
    """Yield reads of the rows and loads of the ancestor."""
    with tempfile.TemporaryDirectory(prefix="lepton-h2-") as folder:
        now, *before = [_counted(side, Path(folder, side.name)) for side in sides()]
    for name, what, unit in (
        ("H2a", "rows", "reads of the training rows in one transfer"),
        ("H2b", "ancestor", "loads of the ancestor in one transfer"),
    ):
        value, notes = now[what]
        beside = {"before": before[0][what][0]} if before else {}
        yield figures.figure(name, value, unit, 1, [0], COMMAND, bar=BAR, **notes, **beside)


def _counted(side: Side, folder: Path) -> dict[str, tuple[int, dict[str, Any]]]:
    """Return both counts of one transfer with the notes to them."""
    folder.mkdir()
    ws, (source, target) = folder / "ws", tables(folder)
    here, name = ("-w", ws), target.stem
    commands = [
        ("init", ws, "--from", source, "--label", "label"),
        (*here, "ingest", source.stem, source, "--local"),
        (*here, "pretrain", "--local"),
        (*here, "ingest", name, target, "--new", "--local"),
    ]
    side.play(folder, commands, SETTINGS)
    base, domain = weights(ws), str((ws / "data" / name).resolve())
    found = side.spied(folder, (*here, "transfer", name, "--local"), SETTINGS)
    ours = {what: _below(found[what], domain) for what in ("rows", "labels", "opened")}
    (digest,) = set(base.values())
    state = str((ws / ".lepton" / "work").resolve())
    of_base = [path for path, sha in found["weights"] if sha == digest and not _lies_in(path, state)]
    candidates = sum(_lies_in(path, state) for path, _ in found["weights"])
    tried = _tried(side, folder, here, name)
    rows = {"labels_alone": ours["labels"], "opened": ours["opened"], "tried": tried}
    return {
        "rows": (ours["rows"], rows),
        "ancestor": (len(of_base), {"candidates": candidates, "all": len(found["weights"]), "tried": tried}),
    }


def _tried(side: Side, folder: Path, here: tuple[object, ...], name: str) -> int:
    """Return how many strategies the last transfer tried beside `none`; combinations do not count."""
    told = json.loads(side.says(folder, (*here, "transfer", name, "--explain", "--json")))
    names = {candidate["label"].partition("@")[0] for candidate in told["candidates"]} - {"none"}
    return sum(":" not in strategy for strategy in names)


def _below(counts: dict[str, int], folder: str) -> int:
    return sum(count for path, count in counts.items() if _lies_in(path, folder))


def _lies_in(path: str, folder: str) -> bool:
    return Path(path).resolve().is_relative_to(folder)
