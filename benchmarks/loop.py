"""The figures of the whole loop, L1-L8; what each means stands beside its function.

python benchmarks/loop.py                  all that can be measured from here (about 20 minutes)
python benchmarks/loop.py --only L1 L5     some; the others keep the values they have
python benchmarks/loop.py --record L7 412  a figure measured outside, in seconds
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path

import figures
import numpy as np
from figures import Figure

from lepton.cli.demo.deliveries import Window, annotate, make_story
from lepton.cli.demo.perform import SETTINGS
from lepton.core.config.settings import EncoderConfig, MonitorConfig, PretrainConfig, TransferConfig
from lepton.core.splits import pick_per_class, split
from lepton.core.table import Table, concat
from lepton.data.demo import mnist, optdigits
from lepton.models.model import Model
from lepton.monitoring.answers import answer
from lepton.monitoring.baseline import Baseline
from lepton.monitoring.window import Rows
from lepton.monitoring.window import Window as Watched
from lepton.operations.monitor.judgement import judge_all
from lepton.pretraining import pretrain
from lepton.transfer.ancestors import choose_ancestor
from lepton.transfer.search import Ground, search

RESULTS = figures.RESULTS / "loop.json"
CLASSES = tuple("0123456789")
MONITOR, DEMO = MonitorConfig(**SETTINGS["monitor"]), TransferConfig(**SETTINGS["transfer"])
LABELS = 10


def main() -> None:
    """Measure what is asked for and merge it into the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", metavar="ID")
    parser.add_argument("--record", nargs=3, action="append", default=[], metavar=("ID", "VALUE", "COMMAND"))
    given = parser.parse_args()
    parts: dict[str, Callable[[], list[Figure]]] = {"L1": l1, "L2": l2, "L3": demo_figures, "L5": l5, "L6": l6}
    known = figures.read(RESULTS)
    for name, value, command in given.record:
        known[name] = figure(name, float(value), "s", 1, [], command)
    figures.save(RESULTS, known)
    for name, part in parts.items():
        if given.only is None and given.record:
            break
        if given.only is None or name in given.only:
            for found in part():
                known[found["id"]] = found
                print(figures.show(found))
            figures.save(RESULTS, known)


def l1() -> list[Figure]:
    """L1: accuracy on held-out optdigits, un-adapted (a) and adapted with 10 labels a class (b); mean of 5 seeds.

    Another seed means another base, another draw of labels, and another fit. The held-out rows are optdigits' test
    split (by hash of the id, about 350 of 1,797); the labels come from the other splits; no held-out row chooses.
    """
    seeds = list(range(5))
    unadapted, adapted = [], []
    for seed in seeds:
        table = optdigits()
        train = hide_labels(split(table, "train", "val"), pick_per_class(split(table, "train", "val"), LABELS, seed))
        found = search(Ground(base(seed), train, split(table, "test"), seed=seed))
        unadapted.append(found.candidates["none"].metrics["accuracy"])
        adapted.append(found.winner.metrics["accuracy"])
    return [
        figure("L1a", statistics.mean(unadapted), "accuracy", 5, seeds, each=unadapted),
        figure("L1b", statistics.mean(adapted), "accuracy", 5, seeds, each=adapted),
    ]


def l2() -> list[Figure]:
    """L2: the demo's story in process: accuracy in quiet windows, before the retransfer and after it."""
    seeds = list(range(10))
    quiet, before, after = [], [], []
    for seed in seeds:
        story = make_story(seed)
        champion, _ = first_champion(seed)
        windows = [w for w in story.windows if w.degraded]
        quiet.append(statistics.mean(accuracy(champion, w.table) for w in story.windows if not w.degraded))
        seen, rest = windows[:3], windows[3:]
        before.append(accuracy(champion, seen[-1].table))
        after.append(accuracy(retransfer(seed, champion, seen), rest[0].table))
    gaps = [q - a for q, a in zip(quiet, after, strict=True)]
    return [
        figure("L2a", statistics.mean(quiet), "accuracy, quiet windows", 10, seeds, each=quiet),
        figure("L2b", statistics.mean(before), "accuracy, last degraded window", 10, seeds, each=before),
        figure("L2c", statistics.mean(after), "accuracy, first window after", 10, seeds, each=after),
        figure("L2d", statistics.mean(gaps), "quiet minus after, mean", 10, seeds, each=gaps),
        figure("L2e", max(gaps), "quiet minus after, worst seed", 10, seeds),
    ]


def demo_figures() -> list[Figure]:
    """L3a: wall time of `lepton demo` as a whole process. L4: confirmed drift -> champion. L8: lines of trouble."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        command = [*LEPTON, "demo", "--down", "--folder", f"{folder}/ws"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        wall = time.perf_counter() - started
        record = json.loads(Path(folder, "ws", "reports", "demo.json").read_text())
    summary = record["summary"]
    words = ("warning", "traceback", "error logging")
    trouble = [
        line for line in done.stdout.splitlines() + done.stderr.splitlines() if any(w in line.lower() for w in words)
    ]
    shown = "lepton demo --down"
    return [
        figure("L3a", wall, "s", 1, [0], shown),
        figure("L4", summary["drift_to_champion_seconds"], "s", 1, [0], shown),
        figure("L2f", summary["quiet_windows"], "accuracy, quiet windows of the demo", 1, [0], shown),
        figure("L2g", summary["drifted"], "accuracy, last degraded window of the demo", 1, [0], shown),
        figure("L2h", summary["readapted"], "accuracy, first window after, of the demo", 1, [0], shown),
        figure("L8", float(len(trouble)), "lines", 1, [0], shown),
    ]


def l5() -> list[Figure]:
    """L5: the demo's quiet windows, 20 seeds in process: alarms (confirmed), and windows over the threshold."""
    seeds = list(range(20))
    alarms, over, worst = 0, 0, 0.0
    for seed in seeds:
        _, baseline = first_champion(seed)
        quiet = [watched(k, window) for k, window in enumerate(make_story(seed).windows) if not window.degraded]
        for done in judge_all(baseline, quiet):
            alarms += done.decision.alert == "open"
            over += done.observation.score >= MONITOR.enter
            worst = max(worst, done.observation.score)
    return [
        figure("L5a", float(alarms), "false alarms in 80 quiet windows", 20, seeds),
        figure("L5b", float(over), "of 80 quiet windows over the threshold", 20, seeds),
        figure("L5c", worst, "worst drift score of a quiet window (threshold 1.0)", 20, seeds),
    ]


def l6() -> list[Figure]:
    """L6: wall time of `lepton --help` (a) and `lepton status` (b), median of 7 whole processes after a warm-up."""
    with tempfile.TemporaryDirectory() as folder:
        story = make_story(0)
        first = Path(folder, "first.csv")
        first.write_text("x,label\n" + "\n".join(f"{k},{'ab'[k % 2]}" for k in range(len(story.first))))
        subprocess.run([*LEPTON, "init", f"{folder}/ws", "--from", str(first)], check=True, capture_output=True)
        return [
            figure("L6a", median_wall([*LEPTON, "--help"]), "s", 7, [], "lepton --help"),
            figure("L6b", median_wall([*LEPTON, "-w", f"{folder}/ws", "status"]), "s", 7, [], "lepton status"),
        ]


LEPTON = [str(Path(sys.executable).with_name("lepton"))]


@cache
def base(seed: int) -> Model:
    """Return a base model as the demo trains it."""
    return pretrain(mnist(), CLASSES, EncoderConfig(), PretrainConfig(), seed=seed, threads=2).model


@cache
def first_champion(seed: int) -> tuple[Model, Baseline]:
    """Return the first champion of the demo's story and what windows are compared with; five bases serve twenty seeds.

    The monitor's own objects judge: champion, reference and what is learnt from them are made as `lepton monitor` does.
    """
    first = make_story(seed).first
    usable = split(first, "train", "val")
    chosen = pick_per_class(usable, LABELS, seed)
    model = search(Ground(base(seed % 5), hide_labels(usable, chosen), split(first, "test"), DEMO, seed)).winner.model
    fitted = np.isin(first.ids.astype(str), chosen.ids.astype(str))
    return model, Baseline("demo", "v1", answer(model, first, fitted), MONITOR, partial(answer, model))


def watched(place: int, window: Window) -> Watched:
    """Return a window of the story as the monitor reads it; one comes a day."""
    time = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=place)
    return Watched(window.name, time, lambda: Rows(window.table))


def retransfer(seed: int, champion: Model, windows: list[Window]) -> Model:
    """Return what the retransfer makes of the annotated degraded windows."""
    table = concat([hide_labels(w.table, annotate(w)) for w in windows])
    train, held_out = split(table, "train", "val"), split(table, "test").labelled()
    models = {"base": base(seed % 5), "champion": champion}
    best, _ = choose_ancestor(models, train)
    return search(Ground(models[best], train, held_out, DEMO, seed)).winner.model


def hide_labels(table: Table, keep: Table) -> Table:
    """Return the rows with only the labels of `keep` known."""
    known = set(keep.ids)
    labels = table.labels.copy()
    labels[:] = [label if row in known else None for row, label in zip(table.ids, table.labels, strict=True)]
    return table.with_labels(labels)


def accuracy(model: Model, table: Table) -> float:
    """Return the share of rows read correctly."""
    return float((model.predict_proba(table).argmax(axis=1) == model.label_indices(table.labels)).mean())


def median_wall(command: list[str], runs: int = 7) -> float:
    """Return the median wall time of a whole process, after one run that is not counted."""
    times = []
    for _ in range(runs + 1):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    return statistics.median(times[1:])


def figure(
    name: str,
    value: float,
    unit: str,
    n: int,
    seeds: Iterable[int],
    command: str | None = None,
    each: list[float] | None = None,
) -> Figure:
    """Return one measured value; by default with this script's own command."""
    return figures.figure(name, value, unit, n, seeds, command or f"python benchmarks/loop.py --only {name[:2]}", each)


if __name__ == "__main__":
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    main()
