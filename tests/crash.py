"""Work that is killed at each of its named points and asked for again: what must be so right after, and in the end.

A case is a command, the state of the workspace it meets, and the points it comes by. Each state is made once and put
back, to the same place, before each kill. What the same work comes to without a kill is the measure of what it must
come to with one.
"""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.conftest import make_plant
from tests.inspection import inspect, urgent
from tests.points import PLAN
from tests.processes import Ended, Processes

SIGKILL = -9
QUICK = {
    "LEPTON_PRETRAIN__EPOCHS": "2",
    "LEPTON_PRETRAIN__CHECKPOINT_SECONDS": "1e-6",
    "LEPTON_THREADS": "1",
    "LEPTON_MONITOR__UNKNOWN": "retransfer",
    "LEPTON_ENCODER__FEATURES": "32",
}
STRATEGIES = ("-s", "standardise", "-s", "probe")
DONE_ONCE = {
    "ingest.stored": "ingest.stored",
    "ingest.labels-stored": "ingest.labels-stored",
    "pretrain.kept": "pretrain.trained",
    "transfer.kept-none": "transfer.fitted-none",
    "transfer.kept-probe": "transfer.fitted-probe",
    "transfer.kept-standardise": "transfer.fitted-standardise",
    "register.recorded": "register.version-made",
    "monitor.alert-recorded": "monitor.alert-sent",
}
"""Which point of a finished step, once it was reached, means that which other point is not reached again."""


@dataclass(frozen=True)
class Work:
    """A command, and where it begins."""

    name: str
    state: str
    command: tuple[str, ...]
    environ: Mapping[str, str] = field(default_factory=dict)
    code: int = 0
    new_after: tuple[str, ...] = ()
    """Points after which the work is over: the same command again is new work, and its exit code its own."""


STATES: dict[str, tuple[str, tuple[tuple[str, ...], ...], Mapping[str, str]]] = {
    "source": ("", (("ingest", "plant-1", "plant-1.csv"),), {}),
    "base": ("source", (("pretrain",),), {}),
    "bare": ("base", (("ingest", "plant-2", "march.csv", "--new"),), {}),
    "target": ("base", (("ingest", "plant-2", "plant-2.csv", "--new"),), {}),
    "served": ("target", (("transfer", "plant-2", "-s", "probe"),), {}),
    "two": ("served", (("transfer", "plant-2", "-s", "none"), ("promote", "plant-2", "2", "--why", "x")), {}),
    "refused": ("target", (("transfer", "plant-2", "-s", "probe"),), {"LEPTON_TRANSFER__LABELS_PER_CLASS": "1"}),
    "proposed": ("target", (("transfer", "plant-2", "-s", "probe"),), {"LEPTON_TRANSFER__APPROVAL": "person"}),
    "drifted": (
        "served",
        (("ingest", "plant-2", "april.csv"), ("ingest", "plant-2", "may.csv"), ("ingest", "plant-2", "june.csv")),
        {},
    ),
    "half-ingested": (
        "base",
        (("ingest", "plant-2", "plant-2.csv", "--new"),),
        {"LEPTON_FAULT_AT": "ingest.stored"},
    ),
    "half-transferred": (
        "target",
        (("transfer", "plant-2", "-s", "probe"),),
        {"LEPTON_FAULT_AT": "promote.registered"},
    ),
    "transferred": ("target", (("transfer", "plant-2", "-s", "probe"),), {"LEPTON_FAULT_AT": "promote.aliases-shown"}),
    "recalled": ("two", (("recall", "plant-2@2", "--why", "bad labels"),), {}),
    "stale": ("proposed", (("promote", "plant-2", "--approve"),), {"LEPTON_FAULT_AT": "promote.recorded"}),
    "suspect": (
        "served",
        (("ingest", "plant-2", "april.csv"), ("monitor", "plant-2"), ("ingest", "plant-2", "may.csv")),
        {},
    ),
}
"""Name -> (the state before it, the commands that lead from there, their environment)."""

_BY_PERSON = {"LEPTON_TRANSFER__APPROVAL": "person"}
_FEW_LABELS = {"LEPTON_TRANSFER__LABELS_PER_CLASS": "1"}
_WORSE = {"LEPTON_PRETRAIN__EPOCHS": "1", "LEPTON_PRETRAIN__LR": "0.000001"}
_OVER = ("transfer.finished", "pretrain.cleaned")

WORKS = (
    Work("ingest", "base", ("ingest", "plant-2", "plant-2.csv", "--new")),
    Work("ingest-again", "half-ingested", ("ingest", "plant-2", "plant-2.csv", "--new")),
    Work("labels", "bare", ("ingest", "plant-2", "labels.csv", "--labels")),
    Work("refuse", "target", ("ingest", "plant-2", "broken.csv"), code=1),
    Work("refuse-unread", "target", ("ingest", "plant-2", "garbled.csv"), code=1),
    Work("pretrain", "source", ("pretrain",), new_after=_OVER),
    Work("pretrain-refused", "base", ("pretrain",), _WORSE, code=3, new_after=_OVER),
    Work("transfer", "target", ("transfer", "plant-2", *STRATEGIES), new_after=_OVER),
    Work("transfer-brief", "target", ("transfer", "plant-2", "-s", "probe"), new_after=_OVER),
    Work("transfer-again", "half-transferred", ("transfer", "plant-2", "-s", "probe"), new_after=_OVER),
    Work("transfer-ended", "transferred", ("transfer", "plant-2", "-s", "probe"), new_after=_OVER),
    Work("transfer-refused", "target", ("transfer", "plant-2", "-s", "probe"), _FEW_LABELS, code=3, new_after=_OVER),
    Work("transfer-proposed", "target", ("transfer", "plant-2", "-s", "probe"), _BY_PERSON, new_after=_OVER),
    Work("monitor", "drifted", ("monitor", "plant-2"), code=4),
    Work("monitor-confirms", "suspect", ("monitor", "plant-2"), code=4),
    Work("promote", "refused", ("promote", "plant-2", "1", "--why", "I looked")),
    Work("approve", "proposed", ("promote", "plant-2", "--approve"), _BY_PERSON, new_after=("promote.shown",)),
    Work("reject", "proposed", ("reject", "plant-2", "--why", "I looked"), _BY_PERSON, new_after=("reject.shown",)),
    Work("rollback", "two", ("rollback", "plant-2"), new_after=("promote.shown", "rollback.shown")),
    Work("recall", "two", ("recall", "plant-2@2", "--why", "bad labels")),
    Work("lift", "recalled", ("recall", "plant-2@2", "--lift", "--why", "I looked"), new_after=("recall.lifted",)),
    Work("doctor", "stale", ("doctor",)),
)


def works(*names: str) -> Iterator[Work]:
    """Yield some of the works by name, all if none is named."""
    return (work for work in WORKS if not names or work.name in names)


class Plant:
    """A workspace that can be put back to any of the states."""

    def __init__(self, folder: Path) -> None:
        """Make deliveries in `folder`; states are made when they are first asked for."""
        self.root, self._states, self._data = folder / "ws", folder / "states", folder / "data"
        self._data.mkdir(parents=True)
        self.processes = Processes(folder / "said")
        _deliveries(self._data)

    def lepton(
        self, *arguments: str, environ: Mapping[str, str] | None = None, first: Callable[[], None] | None = None
    ) -> Ended:
        """Run a command on the workspace in a process of its own; `first` is called in it before."""
        return self.processes.wait(self.start(*arguments, environ=environ, first=first))

    def start(
        self, *arguments: str, environ: Mapping[str, str] | None = None, first: Callable[[], None] | None = None
    ) -> Any:
        """Start a command on the workspace and return its process."""
        words = arguments if arguments[0] == "init" else ("-w", str(self.root), *arguments, "--local")
        return self.processes.start(*words, environ={**QUICK, **(environ or {})}, cwd=self._data, first=first)

    def put(self, state: str) -> None:
        """Bring the workspace to a state, whatever it is in now."""
        kept = self._states / state
        if not kept.exists():
            if not state:
                shutil.rmtree(self.root, ignore_errors=True)
                self._ok("init", str(self.root), "--from", "plant-1.csv", environ={})
            else:
                before, commands, environ = STATES[state]
                self.put(before)
                for command in commands:
                    self._ok(*command, environ=environ)
                if state == "bare":
                    self.processes.call(write_labels, str(self.root), str(self._data / "labels.csv"))
            _copy(self.root, kept)
        _copy(kept, self.root)

    def look(self) -> dict[str, Any]:
        """Return what `tests.inspection.inspect` says of the workspace now."""
        found: dict[str, Any] = self.processes.call(inspect, str(self.root))
        return found

    def _ok(self, *command: str, environ: Mapping[str, str]) -> None:
        ended = self.lepton(*command, environ=environ)
        assert ended.code in (0, 3, SIGKILL), (command, ended.text)


@dataclass(frozen=True)
class Course:
    """A work without a kill."""

    work: Work
    points: tuple[str, ...]
    """The named points it comes by, each once, in order."""
    facts: Counter[str]
    """What is on record, and what lies on the disk, afterwards."""


def course(plant: Plant, work: Work) -> Course:
    """Run a work to its end.

    Raises:
        AssertionError: If it does not end as it says, or leaves the workspace in disorder.
    """
    plant.put(work.state)
    ended = plant.lepton(*work.command, environ=work.environ)
    assert ended.code == work.code, (work.name, ended.code, ended.text)
    seen = plant.look()
    assert seen["problems"] == [], (work.name, seen["problems"])
    missed = set(PLAN.get(work.name, ())) - set(ended.reached)
    assert not missed, f"{work.name} does not come by {missed}: tests/points.py"
    return Course(work, tuple(dict.fromkeys(ended.reached)), Counter(seen["facts"]))


def trial(plant: Plant, known: Course, point: str) -> list[str]:
    """Kill a work at a point, ask for it again, and return what is not as it should be."""
    work = known.work
    plant.put(work.state)
    killed = plant.lepton(*work.command, environ={**work.environ, "LEPTON_FAULT_AT": point})
    if killed.code != SIGKILL:
        return [f"it was not killed: exit code {killed.code}: {killed.text}"]
    found = [f"right after the kill: {what}" for what in plant.processes.call(urgent, str(plant.root))]
    again = plant.lepton(*work.command, environ=work.environ)
    over = point in work.new_after
    if again.code != work.code and not over:
        found.append(f"the same command again: exit code {again.code} instead of {work.code}: {again.text.strip()}")
    if "Traceback" in again.text or "not expect" in again.text:
        found.append(f"the same command again: {again.text.strip()}")
    seen = plant.look()
    found += seen["problems"]
    found += _differences(Counter(seen["facts"]), known.facts, over)
    if not over:
        repeated = {later for done, later in DONE_ONCE.items() if done in killed.reached} & set(again.reached)
        found += [f"done again: {what}" for what in sorted(repeated)]
    return found


def _differences(found: Counter[str], wanted: Counter[str], over: bool) -> list[str]:
    """Return what is on record too often or too seldom; work that was over may have brought more rows."""
    more = {fact: n for fact, n in (found - wanted).items() if not over or fact.startswith("promoted")}
    return [f"too often: {fact} ({n}x)" for fact, n in more.items()] + [
        f"missing: {fact} ({n}x)" for fact, n in (wanted - found).items()
    ]


def write_labels(root: str, path: str) -> None:
    """Write labels for all rows of plant-2 that have none."""
    import pandas as pd

    from lepton.core.config.workspace import Workspace
    from lepton.data.store import load

    ids = load(Workspace(Path(root)), "plant-2").ids
    pd.DataFrame({"id": ids, "label": ["good" if n % 3 else "bad" for n in range(len(ids))]}).to_csv(path, index=False)


def _deliveries(folder: Path) -> None:
    make_plant(700, 0.0, seed=1).to_csv(folder / "plant-1.csv", index=False)
    make_plant(400, 0.9, seed=2).to_csv(folder / "plant-2.csv", index=False)
    make_plant(150, 0.9, seed=3, labelled=False).to_csv(folder / "march.csv", index=False)
    for seed, month in enumerate(("april", "may", "june")):
        moved = make_plant(150, 0.9, seed=10 + seed, labelled=False)
        moved["heat"] = 6 - moved["heat"]
        moved.to_csv(folder / f"{month}.csv", index=False)
    broken = make_plant(100, 0.9, seed=20).drop(columns="speed")
    broken.to_csv(folder / "broken.csv", index=False)
    (folder / "garbled.csv").write_bytes(b"\x00\xff\x00 no table \x00" * 20)


def _copy(source: Path, goal: Path) -> None:
    """Make `goal` a copy of `source`, with times and links as they are."""
    shutil.rmtree(goal, ignore_errors=True)
    goal.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", str(source), str(goal)], check=True)
