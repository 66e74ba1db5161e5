"""H5: the same seeds, before and after: are base and champion the same to the last bit?

The demo's digits (its margin and its number of epochs), a pair of generated tables, one of sequences and one of texts
are played by the same commands in a fresh folder by either side: init, ingest, pretrain, ingest of the target, transfer
with ten labels a class, all strategies and no end to the budget, so that no clock decides what is tried (tables try
ensembles and soups, too). Compared are the SHA-256 of the weights of the base and of what the transfer registered, each
of which must be there. Needs `--against`. Takes about ten minutes.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import figures
from deliveries import KINDS
from sides import Side, sides, weights

COMMAND = "python benchmarks/house --only H5 --against FOLDER"
SETTINGS = {"LEPTON_TRANSFER__BUDGET_SECONDS": "100000"}
FEWER = {"LEPTON_PRETRAIN__EPOCHS": "6", "LEPTON_TRANSFER__COMBINE": "false"}
INIT: dict[str, tuple[str, ...]] = {"sequences": ("--kind", "sequence", "--id", "series")}
OWN = {
    "digits": {"LEPTON_TRANSFER__MARGIN": "0.05", "LEPTON_TRANSFER__COMBINE": "false"},
    "tables": {},
    "sequences": FEWER,
    "texts": FEWER,
}


def measure() -> Iterator[figures.Figure]:
    """Yield how many of the models are the same."""
    now, *before = sides()
    if not before:
        print("H5    skipped: it needs --against FOLDER")
        return
    found: dict[str, dict[str, str]] = {"now": {}, "before": {}}
    for kind in KINDS:
        for side in (before[0], now):
            with tempfile.TemporaryDirectory(prefix="lepton-h5-") as folder:
                found[side.name] |= models(side, kind, Path(folder))
    differ = sorted(name for name in found["before"] if found["before"][name] != found["now"].get(name))
    same = len(found["before"]) - len(differ)
    unit = f"of {len(found['before'])} models bit-identical"
    yield figures.figure(
        "H5", same, unit, len(found["before"]), [0], COMMAND, bar=len(found["before"]), differ=differ, **found
    )


def models(side: Side, kind: str, folder: Path) -> dict[str, str]:
    """Return the SHA-256 of the weights of the base and of the transfer's result, as one side makes them.

    Raises:
        RuntimeError: If there is not one of each.
    """
    source, target = KINDS[kind](folder)
    ws, settings = folder / "ws", {**SETTINGS, **OWN[kind]}
    label = () if source.suffix == ".npz" else ("--label", "label")
    here = ("-w", ws)
    learnt = [
        ("init", ws, "--from", source, *label, *INIT.get(kind, ())),
        (*here, "ingest", source.stem, source, "--local"),
        (*here, "pretrain", "--local"),
    ]
    adapted = [
        (*here, "ingest", target.stem, target, "--new", "--local"),
        (*here, "transfer", target.stem, "--labels-per-class", 10, "--local"),
    ]
    side.play(folder, learnt, settings)
    base = weights(ws)
    side.play(folder, adapted, settings)
    champion = {path: digest for path, digest in weights(ws).items() if path not in base}
    found = {f"{kind} base": set(base.values()), f"{kind} champion": set(champion.values())}
    if any(len(digests) != 1 for digests in found.values()):
        raise RuntimeError(f"{side.name}: not one base and one champion of {kind}: {json.dumps(found, default=sorted)}")
    return {name: digests.pop() for name, digests in found.items()}
