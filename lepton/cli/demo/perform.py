"""Perform the demo: set the stage, play the story, show what came of it."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lepton.cli.demo.deliveries import DEFECT, SOURCE, TARGET, make_story, write_npz
from lepton.cli.session import door, hush
from lepton.cli.stack.environ import QUIET, stack_environ
from lepton.cli.stack.lifecycle import down, up
from lepton.core.config.workspace import Workspace
from lepton.core.errors import UsageError
from lepton.core.work.files import atomic_write
from lepton.operations.init import create_workspace, plan_workspace

if TYPE_CHECKING:
    from lepton.cli.demo.story import Record

MARK = ".lepton-demo"
"""A file that says: this folder belongs to the demo and may be made anew."""

SETTINGS: dict[str, Any] = {
    "name": "lepton-demo",
    "transfer": {"margin": 0.05, "budget_seconds": 20},
    "monitor": {"confirm": 3, "of": 4, "unknown": "retransfer"},
}
"""Drift whose cost nobody knows is adapted to, not only asked about: the story goes on by itself. Wider margin than the
default: the retransfer is judged on the 80 or so rows that the annotator could label. A smaller budget, so that it is
told in two minutes: it leaves out self-training."""


Say = Callable[[str], None]


def perform(root: Path, seed: int, say: Say, headline: Say) -> Record:
    """Play the whole story in the empty folder `root` and leave the stack up, so that every link works."""
    os.environ.update(QUIET)
    hush()
    started = time.perf_counter()
    headline("1. A workspace of its own, with git, DVC and the local stack")
    story = make_story(seed)
    first = write_npz(root / "deliveries" / "mnist.npz", story.source, labelled=True)
    setup, table = plan_workspace(root, first, source=SOURCE, name="lepton-demo", settings=SETTINGS)
    ws = create_workspace(setup, table)
    os.environ.update(stack_environ(ws))
    stack = up(ws, schedules=False, meanwhile=_load_libraries)
    os.environ.update(stack_environ(ws, stack.prefect_api))
    setup_seconds = time.perf_counter() - started
    say(f"{root}: Prefect {stack.prefect_url}, MLflow {stack.mlflow_url}, workers cpu and gpu ({setup_seconds:.0f} s)")

    from lepton_flows.runtime import flush

    from lepton.cli.demo import story as play

    record = play.Record(links={"Prefect": stack.prefect_url, "MLflow": stack.mlflow_url})
    record.seconds["workspace and stack"] = round(setup_seconds, 2)
    stage = play.Stage(ws, root / "deliveries", door(ws, on_stack=True), say, record)
    headline("2. Deliveries meet their contract, or are refused")
    play.take_in_data(stage, story)
    headline("3. A base model learns the source")
    play.learn(stage)
    headline(f"4. It is adapted to {TARGET} with {play.LABELS_PER_CLASS} labels a class; the gate decides")
    play.adapt(stage)
    headline(f"5. Production; from the fifth window on the scanner degrades ({DEFECT})")
    play.produce(stage, story)
    record.lineage = str(stage.door.tree())
    flush()
    record.seconds["everything"] = round(time.perf_counter() - started, 2)
    return record


def publish(record: Record, ws: Workspace) -> list[tuple[str, str, str]]:
    """Write picture, page and demo.json into the workspace's reports; return the closing table."""
    from lepton.cli.demo.page import page
    from lepton.cli.demo.picture import draw, save

    rows = closing_table(record)
    summary, policy = record.summary(), ws.config.monitor_for(TARGET)
    waited = summary["drift_to_champion_seconds"]
    figure = draw(record.windows, summary["unadapted"], policy.enter, policy.exit, waited, DEFECT)
    picture = save(figure, ws.reports_dir / "demo.png")
    page_path = ws.reports_dir / "demo.html"
    here = f"lepton --workspace {shlex.quote(str(ws.root))}"
    record.commands = {"dashboard": f"{here} ui", "the state of every target": f"{here} status"}
    record.links = {**_first_links(ws), **record.links, "picture": picture.as_uri(), "page": page_path.as_uri()}
    atomic_write(page_path, page(record, figure, DEFECT, rows))
    atomic_write(ws.reports_dir / "demo.json", json.dumps(record.to_json(), indent=2, default=str))
    return rows


def closing_table(record: Record) -> list[tuple[str, str, str]]:
    """Return what the demo measured, a row each: what, value, remark."""
    s = record.summary()
    rows = [
        ("un-adapted base", _share(s["unadapted"]), f"on held-out {TARGET} rows"),
        ("adapted, 10 labels a class", _share(s["adapted"]), "on the same rows"),
        ("quiet windows, mean", _share(s["quiet_windows"]), f"{s['false_alarms']:.0f} false alarms"),
        ("drifted", _share(s["drifted"]), "last degraded window before the retransfer"),
        ("re-adapted", _share(s["readapted"]), "first window after it, same degraded scanner"),
    ]
    return rows + [(name, f"{seconds:.1f} s", "") for name, seconds in record.seconds.items()]


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _load_libraries() -> None:
    """Import what takes seconds to import while the servers take theirs to start."""
    import torch  # noqa: F401

    from lepton.contract.vendor import load as load_contract_vendor
    from lepton.monitoring.vendor import load as load_drift_vendor

    load_contract_vendor()
    load_drift_vendor()


def _first_links(ws: Workspace) -> dict[str, str]:
    """Return what a reader of the page wants first: the champion that serves, and where every model comes from."""
    from lepton.registry.mlflow.tracking import connect

    serving = door(ws).serving(TARGET)
    link = connect(ws).model_url(serving.name, serving.version) if serving else None
    return {
        **({f"champion that serves, {serving.label}": link} if serving and link else {}),
        "lineage": door(ws).draw_lineage(limit=0).page.as_uri(),
    }


def make_room(root: Path) -> None:
    """Take down and remove an earlier demo at `root`, never anything else, and mark the folder as a demo's.

    Raises:
        UsageError: If `root` holds something that is not a demo's workspace; it is not touched.
    """
    if root.exists() and any(root.iterdir()) and not (root / MARK).exists():
        raise UsageError(
            f"{root} holds something that is not a demo.",
            why=f"The demo makes its folder anew and would delete what is there; it has no {MARK}.",
            fix=["lepton demo --folder OTHER-FOLDER"],
        )
    if root.exists():
        down(Workspace(root))
        shutil.rmtree(root)
    root.mkdir(parents=True)
    (root / MARK).touch()
