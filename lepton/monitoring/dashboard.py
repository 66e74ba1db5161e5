"""Windows over time, in an Evidently workspace: a project a pair, a run a window; `lepton ui` opens its pages."""

from __future__ import annotations

import json
import logging
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from lepton.core.work.files import atomic_write
from lepton.core.work.lock import hold
from lepton.monitoring.vendor import load, quiet

INDEX = "lepton.json"
"""In the workspace's folder: the project of each pair, and the run of each window."""
PANELS: Mapping[str, Sequence[str]] = {
    "Drift (1.0 is the calibrated threshold)": (
        "drift",
        "enter",
        "exit",
        "inputs",
        "embedding",
        "predictions",
        "label mix",
        "accuracy fell",
    ),
    "Accuracy": ("estimated", "estimated low", "estimated high", "expected", "realised"),
    "Rows a window": ("rows",),
    "Decisions": ("suspect", "benign", "alert", "retransfer", "breach"),
}
"""Panel -> its series, in order."""
BARS = ("Rows a window", "Decisions")


@dataclass(frozen=True)
class Point:
    """One window, as it is drawn."""

    name: str
    """Unique a pair; a point drawn again takes the place of the one before."""
    time: datetime
    values: Mapping[str, float | None]
    """By series; what is not known is left out."""
    about: Mapping[str, str]
    """Words to go with it: champion, decision, report."""


def draw(folder: Path, pair: str, points: Sequence[Point]) -> None:
    """Add windows to a pair's dashboard, which is made at the first one; none is added twice.

    Args:
        folder: The Evidently workspace.
        pair: Name of the project.
        points: In order of time.
    """
    if not points:
        return
    folder.mkdir(parents=True, exist_ok=True)
    load(drawn=True)
    with hold(folder / f"{INDEX}.lock"), quiet():
        from evidently.ui.workspace import Workspace

        workspace, index = Workspace.create(str(folder)), _index(folder)
        about = index.setdefault(pair, {})
        if "project" not in about:
            about |= {"project": _new_project(workspace, pair), "runs": {}}
        for point in points:
            before = about["runs"].get(point.name)
            about["runs"][point.name] = _add(workspace, about["project"], point)
            if before is not None:
                workspace.delete_run(about["project"], before)
        atomic_write(folder / INDEX, json.dumps(index, indent=1))


def drawn(folder: Path, pair: str) -> list[str]:
    """Return the names of the windows on a pair's dashboard, in the order they were first drawn."""
    return list(_index(folder).get(pair, {}).get("runs", {}))


def serve(folder: Path, port: int) -> None:
    """Show the dashboards on 127.0.0.1 until interrupted; what the server says goes to standard error."""
    # uvicorn tells each request. It sets level and handlers of its loggers anew when it starts; a filter stays.
    logging.getLogger("uvicorn.access").addFilter(lambda _: False)
    with quiet(), redirect_stdout(sys.stderr):
        from evidently.cli.ui import ui

        ui(
            host="127.0.0.1",
            port=port,
            workspace=str(folder),
            demo_projects="",
            secret=None,
            litestar_request_max_body_size=None,
            conf_path=None,
        )


def _index(folder: Path) -> dict[str, Any]:
    """Return what was drawn; nothing where the file is missing or damaged: it is drawn again."""
    try:
        found = json.loads((folder / INDEX).read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _new_project(workspace: Any, pair: str) -> str:
    from evidently.sdk.models import PanelMetric
    from evidently.sdk.panels import bar_plot_panel, line_plot_panel

    for old in workspace.search_project(pair):  # its index was lost
        workspace.delete_project(old.id)
    project = workspace.create_project(pair, "Windows judged by lepton, in order of time")
    for title, names in PANELS.items():
        values = [PanelMetric(metric="MeanValue", metric_labels={"column": name}, legend=name) for name in names]
        panel = bar_plot_panel if title in BARS else line_plot_panel
        project.dashboard.add_panel(panel(title, values, size="half"))
    return str(project.id)


@contextmanager
def _undrawn() -> Iterator[None]:
    """Let Evidently keep numbers without a histogram of each, which no panel shows: a second a window.

    It has no option for that. A version without this function draws as before.
    """
    from evidently.metrics import column_statistics

    drawn = getattr(column_statistics, "distribution", None)
    column_statistics.distribution = lambda *_, **__: []
    try:
        yield
    finally:
        column_statistics.distribution = drawn


def _add(workspace: Any, project: str, point: Point) -> str:
    import pandas as pd
    from evidently.core.datasets import DataDefinition, Dataset
    from evidently.core.report import Report
    from evidently.metrics.column_statistics import MeanValue

    known = {name: float(v) for name, v in point.values.items() if v is not None and math.isfinite(v)}
    rows = Dataset.from_pandas(pd.DataFrame([known]), data_definition=DataDefinition(numerical_columns=list(known)))
    report = Report([MeanValue(column=name) for name in known], include_tests=False)
    with _undrawn():
        made = report.run(rows, None, timestamp=point.time, metadata=dict(point.about), name=point.name)
    return str(workspace.add_run(project, made, name=point.name).id)
