"""H7: how long each command takes, as a person waits for it: a whole process, in a small workspace, without a stack.

One story is told four times, each in a workspace of its own: 600 labelled rows of one plant, 600 of another, windows
of 200, of which two drifted and are labelled, so that an alert is open whatever is estimated. The first telling
compiles what was not compiled yet and is not counted; a figure is the median of the other three, the processor's
seconds beside. What stands in `UNTIMED` is no command with an end. The demo is timed once. Takes about a quarter of
an hour. The ids are `H7 COMMAND`; docs/reference/times.md is made from them.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import figures
from deliveries import plant
from sides import LEPTON, Seconds, Side, sides

COMMAND = "python benchmarks/house --only H7"
TELLINGS = 3
UNTIMED = {"ui": "runs until Ctrl-C", "serve": "runs until Ctrl-C", "watch": "runs until `lepton down`"}
ONCE = ("demo",)
SETTINGS = {
    "LEPTON_PRETRAIN__EPOCHS": "5",
    "LEPTON_TRANSFER__MARGIN": "0.5",
    "LEPTON_MONITOR__CONFIRM": "1",
    "LEPTON_MONITOR__OF": "1",
    **{f"GIT_{who}_{what}": "ada@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}
"""A wide margin, so that the first version serves; one drifted window is enough for an alert."""


@dataclass(frozen=True)
class Step:
    """One command of the story."""

    words: tuple[object, ...]
    name: str = ""
    """Of the command, if this step is the one that is timed."""
    codes: tuple[int, ...] = (0,)


def story(folder: Path) -> list[Step]:
    """Return the commands in order; what they read is in `folder`, where its workspace `ws` is made.

    Every step but the first is played within the workspace.
    """
    source, target = (deliver(folder / f"plant-{k}.csv", 600, 0.9 * (k - 1), seed=k) for k in (1, 2))
    quiet = deliver(folder / "w1.csv", 200, 0.9, seed=11, labelled=False)
    drifted = [deliver(folder / f"w{k}.csv", 200, 0.9, seed=10 + k, drifted=True) for k in (2, 3)]
    gone = folder / "gone.txt"
    gone.write_text("w1-0\n")
    local = "--local"
    other = ("--strategy", "residual", "--labels-per-class", 20)
    return [
        Step(("init", folder / "ws", "--from", source, "--label", "label"), "init"),
        Step(("ingest", "plant-1", source, local), "ingest"),
        Step(("pretrain", local), "pretrain"),
        Step(("ingest", "plant-2", target, "--new", local)),
        Step(("transfer", "plant-2", local), "transfer"),
        Step(("transfer", "plant-2", local, *other), codes=(0, 3)),  # whatever the gate says, there is a second version
        Step(("promote", "plant-2", 2, "--why", "timed", local), "promote"),
        Step(("rollback", "plant-2", local), "rollback"),
        Step(("reject", "plant-2", 2, "--why", "timed", local), "reject"),
        Step(("ingest", "plant-2", quiet, local)),
        Step(("label-next", "plant-2"), "label-next"),
        Step(("score", "plant-2", local), "score"),
        Step(("predict", "plant-2", "--row", '{"heat": 0.5}'), "predict"),
        Step(("export", "plant-2", "--to", folder / "champion.onnx"), "export"),
        Step(("monitor", "plant-2", local), "monitor", codes=(0, 4)),
        Step(("ingest", "plant-2", drifted[0], local)),
        Step(("ingest", "plant-2", drifted[1], local)),
        Step(("replay", "plant-2"), "replay"),
        Step(("backfill", "plant-2", local), "backfill", codes=(4,)),
        *(
            Step(words, " ".join(str(word) for word in words[:count]))
            for count, words in (
                (1, ("status",)),
                (1, ("alerts",)),
                (1, ("ack", "plant-2", local)),
                (1, ("snooze", "plant-2", local)),
                (1, ("doctor",)),
                (1, ("config",)),
                (2, ("lineage", "tree")),
                (2, ("lineage", "show", "plant-2")),
                (2, ("lineage", "diff", "plant-2@1", "plant-2@2")),
                (2, ("lineage", "impact", "--batch", "plant-2/plant-2")),
                (2, ("lineage", "html")),
                (2, ("audit", "verify")),
                (2, ("audit", "served", "plant-2")),
                (2, ("audit", "export", "--out", folder / "audit")),
                (1, ("sbom", "plant-2")),
                (1, ("reproduce", "plant-2")),
                (2, ("data", "log", "plant-2")),
                (2, ("data", "diff", "plant-2/plant-2")),
                (2, ("data", "checkout", "plant-2", "--at", "plant-2")),
                (2, ("data", "publish")),
                (2, ("data", "gc")),
                (2, ("data", "forget", "--ids", gone, "--why", "timed")),
                (2, ("data", "build", folder / "shipped")),
                (1, ("up",)),
                (1, ("down",)),
                (1, ("recall", "plant-2@1", "--why", "timed", local)),
                (1, ("demo", "--folder", folder / "demo", "--down")),
            )
        ),
    ]


def measure() -> Iterator[figures.Figure]:
    """Yield the seconds of every command."""
    side, times = sides()[0], dict[str, list[Seconds]]()
    for telling in range(TELLINGS + 1):
        with tempfile.TemporaryDirectory(prefix="lepton-h7-") as temporary:
            for name, seconds in tell(side, Path(temporary), last=telling == TELLINGS):
                if telling:
                    times.setdefault(name, []).append(seconds)
    for name, found in times.items():
        wall = [one.wall for one in found]
        cpu = round(statistics.median(one.cpu for one in found), 3)
        yield figures.figure(
            f"H7 {name}", statistics.median(wall), f"s, lepton {name}", len(wall), [0], COMMAND, wall, cpu=cpu
        )


def tell(side: Side, folder: Path, last: bool = True) -> Iterator[tuple[str, Seconds]]:
    """Play the story; yield name and seconds of what is timed. What is timed once is left for the last telling."""
    for step in story(folder):
        if step.name in ONCE and not last:
            continue
        where = folder if step.words[0] == "init" else folder / "ws"
        took = side.timed(where, LEPTON, step.words, SETTINGS, step.codes)
        if step.name:
            yield step.name, took


def deliver(path: Path, rows: int, shift: float, seed: int, drifted: bool = False, labelled: bool = True) -> Path:
    """Write a delivery of a plant, with ids; where it drifted, a sensor is mounted the other way round."""
    frame = plant(rows, shift, seed, labelled)
    if drifted:
        frame["heat"] = 6 - frame["heat"]
    frame.insert(0, "id", [f"{path.stem}-{k}" for k in range(rows)])
    frame.to_csv(path, index=False)
    return path
