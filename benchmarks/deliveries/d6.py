"""D6: what a short command costs: `ingest` of 1,000 rows (a) and `monitor` of one window of 500 (b), of an older cost.

Seconds of the processor of the whole process, children included, beside an older checkout that is named by `--against`:
three rounds, the two in turn, each in a workspace that its own code has made, from the same state; the median of the
rounds' ratios. A window was judged before, as it is every day but the first: thresholds and simulations are kept.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import figures
from deliveries import plant
from sides import LEPTON, Side, bring_back, keep, sides

COMMAND = "python benchmarks/deliveries --only D6 --against FOLDER"
SETTINGS = {"LEPTON_PRETRAIN__EPOCHS": "5", "LEPTON_TRANSFER__MARGIN": "0.1"}
ROUNDS, ROWS, WINDOW = 3, 1_000, 500
ASKED = (
    ("D6a", f"ingest of {ROWS:,} rows", ("ingest", "plant-2", "rows.csv", "--local")),
    ("D6b", f"monitor of a window of {WINDOW}", ("monitor", "plant-2", "--local")),
)


def measure() -> Iterator[figures.Figure]:
    """Yield both ratios, or only print the seconds where there is nothing to compare with."""
    with tempfile.TemporaryDirectory(prefix="lepton-d6-") as folder:
        made = {side.name: build(side, Path(folder, side.name)) for side in sides()}
        kept = {name: keep(ws) for name, ws in made.items()}
        for name, what, words in ASKED:
            used: dict[str, list[float]] = {side.name: [] for side in sides()}
            for round_ in range(ROUNDS + 1):
                for side in sides():
                    ws = made[side.name]
                    bring_back(ws, kept[side.name])
                    took = side.timed(ws, LEPTON, words, SETTINGS)
                    if round_:  # the first compiles what was not compiled yet
                        used[side.name].append(took.cpu)
            if "before" not in used:
                print(f"{name}   skipped: it needs --against FOLDER; {what}: {statistics.median(used['now']):.1f} s")
                continue
            ratios = [now / before for now, before in zip(used["now"], used["before"], strict=True)]
            notes: dict[str, Any] = {"cpu": {side: [round(one, 2) for one in each] for side, each in used.items()}}
            unit = f"of the processor's time before, {what}"
            yield figures.figure(name, statistics.median(ratios), unit, ROUNDS, [0], COMMAND, ratios, bar=0.5, **notes)


def build(side: Side, folder: Path) -> Path:
    """Return a workspace with a champion, a window that was judged and one that waits, and rows to be delivered."""
    folder.mkdir()
    ws = folder / "ws"
    here = ("-w", ws)
    source, target = folder / "plant-1.csv", folder / "plant-2.csv"
    plant(1_500, 0.0, 1).to_csv(source, index=False)
    plant(1_000, 0.3, 2).to_csv(target, index=False)
    windows = []
    for number in (1, 2):
        windows.append(folder / f"w{number}.csv")
        plant(WINDOW, 0.3, 20 + number, labelled=False).to_csv(windows[-1], index=False)
    side.play(
        folder,
        [
            ("init", ws, "--from", source, "--label", "label"),
            (*here, "ingest", source.stem, source, "--local"),
            (*here, "pretrain", "--local"),
            (*here, "ingest", target.stem, target, "--new", "--local"),
            (*here, "transfer", target.stem, "--strategy", "probe", "--local"),
            (*here, "ingest", target.stem, windows[0], "--local"),
            (*here, "monitor", target.stem, "--local"),
            (*here, "ingest", target.stem, windows[1], "--local"),
        ],
        SETTINGS,
    )
    plant(ROWS, 0.3, 30).to_csv(ws / "rows.csv", index=False)
    return ws
